"""Recipes: the fields that decide a run, and the presets."""
