"""Discriminators: networks that tell restored pictures from photographs, trained beside the network that restores."""
