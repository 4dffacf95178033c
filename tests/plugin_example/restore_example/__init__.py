"""Parts for restore, one of each kind: an example to begin a package of your own with."""
