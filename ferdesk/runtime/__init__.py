"""Threads and the hand-overs between them; no Qt."""
