"""Discriminators: networks that distinguish restored pictures from photographs, trained alongside the network."""
