"""Folder jobs: plan, run, report. Must not import torch."""
