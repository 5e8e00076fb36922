"""ferdesk-train: the networks behind ferdesk, from FER2013 to the ONNX file that the app opens."""
