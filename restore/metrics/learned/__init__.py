"""Metrics that a trained network computes: they need torch, and are reached through the registry alone."""
