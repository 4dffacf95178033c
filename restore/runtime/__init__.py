"""Run an ONNX model over pictures of any size. No torch here."""
