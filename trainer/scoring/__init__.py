"""Scores of a model: views, calibration, statistics."""
