"""Run ONNX models on pictures of any size. Does not import torch."""
