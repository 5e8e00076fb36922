"""Review page: a library of recorded sessions, and one of them opened along its time."""
