"""Sessions on disk: columns, rows, tables, summaries, reviews, reports; no Qt."""
