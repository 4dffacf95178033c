"""Calibrate finished models: move the statistics of their results to those of natural photographs."""
