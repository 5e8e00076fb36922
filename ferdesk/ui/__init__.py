"""The window: widgets, painting, and the bridge from the threads."""
