"""What other programs send, as our values: markers."""
