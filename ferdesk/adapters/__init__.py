"""One module a library: each turns the library's answers into the program's own values."""

import os

# OpenCV reads it when it is loaded, which any adapter may do first: a picture of a few megabytes
# may have a thousand million pixels, which take minutes and gigabytes
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", "220000000")
