"""The queue page: files and folders analysed in the background."""
