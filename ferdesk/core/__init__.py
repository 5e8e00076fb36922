"""Values, stages and arithmetic; numpy and the standard library only."""
