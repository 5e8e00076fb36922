"""Face detection: where a picture is searched, which detections are faces, and what it may cost.

Two single-shot networks (full range, short range) see a picture and its tiles; their candidates
are merged, classified by score and verified on a crop. ``exhaustive`` does all of it in every
picture, ``live`` as much as a time budget allows.
"""
