"""Studies: the paper's tables, their report, the recipe search, fine-tuning on own faces."""
