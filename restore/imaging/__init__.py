"""Pictures as numpy arrays: decode, encode, colour, resize. No torch here."""
