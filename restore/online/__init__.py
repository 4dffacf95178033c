"""Models of others: a catalogue of them, and downloads. Only :mod:`restore.online.transport` uses the network."""
