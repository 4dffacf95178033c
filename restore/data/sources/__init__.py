"""Kinds of training data. Each file contains the options, data set, validation samples and checks of one kind."""
