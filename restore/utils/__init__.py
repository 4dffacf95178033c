"""General helpers, independent of pictures, networks and commands."""
