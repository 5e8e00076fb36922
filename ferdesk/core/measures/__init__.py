"""Measures of a face: landmarks, head pose, movements, blinks and gaze."""
