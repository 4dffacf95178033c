"""What tells how this machine does."""
