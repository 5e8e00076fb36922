"""What a recording is on disk: its columns, its rows, its reading and its checks; no Qt."""
