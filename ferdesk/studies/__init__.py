"""Studies: what participants are shown while they are recorded, and what is kept of it; no Qt."""
