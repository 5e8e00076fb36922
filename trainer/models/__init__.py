"""Models: layers, networks, losses."""
