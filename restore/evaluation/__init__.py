"""Evaluate models and pictures with metrics, including the protocol and confidence intervals."""
