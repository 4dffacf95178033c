"""Light: exposure sequences, references made of them, and photographs against the light made of good ones."""
