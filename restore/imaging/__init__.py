"""Pictures as numpy arrays: decode, encode, color, resize. Does not import torch."""
