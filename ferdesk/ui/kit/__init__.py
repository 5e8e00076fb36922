"""Parts that every page uses: theme, painting, notices, and the bridge from the threads."""
