"""The live page: engine run, panels, timeline, recording."""
