"""Metrics computed by trained networks. They need torch, and are only accessed through the registry."""
