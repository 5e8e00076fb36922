"""Frames that are chosen by number, by time and by part of the file."""

from pathlib import Path

import numpy as np
import pytest
import typer

from ferdesk.cli.analyze import _clip
from ferdesk.core.types import Frame
from ferdesk.factory.analysis_options import AnalysisOptions, FrameChoice


def taken(times: list[float], **options: object) -> list[int]:
    choice = FrameChoice(AnalysisOptions(Path(), **options))  # type: ignore[arg-type]
    image = np.zeros((2, 3, 3), np.uint8)
    frames = [Frame(image, index, t_s, 0.0) for index, t_s in enumerate(times)]
    return [f.index for f in frames if not choice.is_over(f) and choice.takes(f)]


def test_a_rate_is_kept_by_times_whatever_the_frames_rate() -> None:
    even = [i / 30 for i in range(31)]
    assert taken(even, rate_fps=10.0) == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30]
    rounded = [round(i * 1000 / 30) / 1000 for i in range(31)]
    assert taken(rounded, rate_fps=10.0) == taken(even, rate_fps=10.0)
    # a pause is no reason to catch up
    assert taken([0.0, 0.04, 0.1, 2.0, 2.04, 2.11], rate_fps=10.0) == [0, 2, 3, 5]


def test_a_rate_above_the_files_takes_every_frame() -> None:
    assert taken([i / 25 for i in range(20)], rate_fps=60.0) == list(range(20))


def test_a_clip_is_from_its_first_to_before_its_last_moment() -> None:
    assert taken([0.0, 0.5, 1.0, 1.5, 2.0], clip_s=(0.5, 2.0)) == [1, 2, 3]


def test_every_other_frame_stays_on_the_grid_where_frames_are_lacking() -> None:
    choice = FrameChoice(AnalysisOptions(Path(), every=3))
    image = np.zeros((2, 3, 3), np.uint8)
    indices = [0, 1, 2, 4, 5, 6, 9, 11, 13]
    assert [i for i in indices if choice.takes(Frame(image, i, i / 30, 0.0))] == [0, 4, 6, 9, 13]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("00:10-02:00", (10.0, 120.0)),
        ("75-90.5", (75.0, 90.5)),
        ("1:00:00-1:00:01", (3600.0, 3601.0)),
        ("90:00-100:59.5", (5400.0, 6059.5)),
        (" 0 \u2013 0.5 ", (0.0, 0.5)),
    ],
)
def test_a_part_is_written_as_people_write_times(text: str, part: tuple[float, float]) -> None:
    assert _clip(text) == part


@pytest.mark.parametrize(
    "text",
    [
        *(
            "10",
            "20-10",
            "a-b",
            "-5-10",
            "1-2-3",
            "10-10",
            "",
            "-",
            "5-",
            "0-nan",
            "0-1e9",
            "0-inf",
        ),
        *("00:90-02:00", "1:60:00-2:00:00", "1:2:3:4-2:2:3:4", "0.5:00-9:00", "0,1-0,2"),
        *("0-" + 400 * "9", "\u0661-\u0662"),
    ],
)
def test_what_is_no_part_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="00:10-02:00"):
        _clip(text)
