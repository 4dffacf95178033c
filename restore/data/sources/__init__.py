"""Kinds of training data: each file has the options, the data set, the validation samples and the checks of one."""
