"""One module a library: each turns the library's answers into the program's own values."""
