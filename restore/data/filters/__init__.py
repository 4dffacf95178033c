"""Photo filters, as social networks lay them over pictures."""
