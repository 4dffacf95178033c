"""One click command a file; heavy imports inside the commands."""
