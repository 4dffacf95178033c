"""Autoencoders of the user, in whose codes the transport works."""
