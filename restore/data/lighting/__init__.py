"""Light: exposure sequences, their fusion into references, and synthetic backlight."""
