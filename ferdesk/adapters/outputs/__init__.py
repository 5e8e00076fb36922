"""Outputs: session files, video, LSL, WebSocket, Parquet."""
