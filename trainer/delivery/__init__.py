"""Delivery of a model: export, quantisation, its card and its measurements."""
