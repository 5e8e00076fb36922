"""Corrections of labels, and training on them."""
