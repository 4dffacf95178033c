"""Restore photographs with small networks: train, export to ONNX, run over folders."""

__version__ = "0.1.0"
