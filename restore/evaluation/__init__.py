"""Measure models and pictures by the metrics: what is compared with what, how, and how sure it is."""
