"""Photo filters like those of social networks."""
