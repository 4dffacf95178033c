"""Export networks to self-describing ONNX files, verified against the network."""
