"""Preparation of a folder of photographs for training: check, tile and filter it. Works without torch."""
