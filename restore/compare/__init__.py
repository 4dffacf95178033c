"""A web page that compares pictures with their processed versions. Does not import torch."""
