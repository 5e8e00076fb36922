"""Anonymous videos of the shared clips against an exhaustive search of every picture."""

import os
from pathlib import Path

import numpy as np
import pytest

from ferdesk.adapters.networks.face_detector import MediaPipeNetworks
from ferdesk.core.anonymize import Anonymizer
from ferdesk.core.detection.exhaustive import ExhaustiveSearch
from ferdesk.core.geometry import Box
from ferdesk.factory.models import open_pipeline
from ferdesk.factory.sources import frames_of, open_source
from ferdesk.paths import detectors_folder

SHARED = Path(os.environ.get("FERDESK_SHARED", Path(__file__).parents[3] / "shared"))
CLIPS = ("noface_face.mov", "asl_help.mkv", "asl_no.mkv", "asl_please.mkv")
EVERY = 3


def mirrored(box: Box, width: int) -> Box:
    return Box(width - box.x - box.width, box.y, box.width, box.height)


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("name", CLIPS)
def test_no_face_that_an_exhaustive_search_finds_stays_clear(name: str) -> None:
    path = SHARED / "clips" / name
    if not path.exists():
        pytest.skip(f"{path} is not here")
    # the search of the window, which sees less than the one it is held against
    pipeline = open_pipeline()
    anonymizer, source = Anonymizer(), open_source(str(path))
    source.open()
    before, after = [], []
    for frame in frames_of(source):
        before.append(frame.image)
        after += anonymizer.add_result(pipeline.process(frame), frame.t_s)
    after += anonymizer.finish()
    source.close()
    pipeline.close()
    assert len(after) == len(before)
    search = ExhaustiveSearch(MediaPipeNetworks(detectors_folder()))
    num_found = 0
    for index in range(0, len(before), EVERY):
        image, (covered, _) = before[index], after[index]
        found = [face.box for face in search.detect(image) if face.confirmed]
        flipped = search.detect(np.ascontiguousarray(image[:, ::-1]))
        found += [mirrored(face.box, image.shape[1]) for face in flipped if face.confirmed]
        for box in found:
            num_found += 1
            place = np.s_[
                max(0, int(box.y)) : int(box.y + box.height),
                max(0, int(box.x)) : int(box.x + box.width),
            ]
            changed = (image[place] != covered[place]).any(axis=2).mean()
            assert changed > 0.9, (index, box)
    search.close()
    assert num_found > 10
