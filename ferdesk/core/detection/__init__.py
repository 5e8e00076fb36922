"""Face detection: which tiles are searched, and which detections are believed."""
