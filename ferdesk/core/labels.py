"""Labels: the seven expressions in FER2013's order; every model file carries the same list."""

LABELS: tuple[str, ...] = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
NUM_LABELS = len(LABELS)
