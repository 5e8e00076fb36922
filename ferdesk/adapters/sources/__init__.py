"""Sources of frames: cameras, files, streams, stills, the demo."""
