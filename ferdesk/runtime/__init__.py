"""Runtime: the engine's threads, their mailboxes and the recorder; no Qt."""
