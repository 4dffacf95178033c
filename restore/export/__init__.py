"""From a trained network to an ONNX file that says what it is, proved against the network."""
