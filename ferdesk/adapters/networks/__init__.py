"""Neural networks, run by ONNX Runtime."""
