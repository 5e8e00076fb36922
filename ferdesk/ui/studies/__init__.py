"""Studies in the window: the start dialog, the participant's screen, and what runs on it."""
