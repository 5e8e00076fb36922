"""Archives: many files analysed by a plan that survives, by one or several workers."""
