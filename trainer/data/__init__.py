"""Data sets: FER2013, JAFFE, FER+, folders of faces, their cache and augmentation."""
