"""Folders of photographs as training samples."""
