"""Factory: sources, models, streams and recordings made from their names; may import adapters."""
