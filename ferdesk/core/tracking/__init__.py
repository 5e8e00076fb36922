"""Multi-object tracking: identities, assignment, template matching, appearance embeddings."""
