"""Benchmark and check this machine and installation."""
