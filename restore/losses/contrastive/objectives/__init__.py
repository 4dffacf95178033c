"""How similarities, or embeddings, become a loss; one objective a file."""
