"""List and pair picture files."""
