"""Evaluation: predictors, stored predictions, figures, plots, cross-validation, corruptions."""
