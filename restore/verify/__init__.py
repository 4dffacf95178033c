"""Whether a model file keeps what it promises, told from the file alone."""
