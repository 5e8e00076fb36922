"""ferdesk for programmers: the example of the docs as it stands there, and what surrounds it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import ferdesk
from ferdesk import Pipeline, open_source
from ferdesk.adapters.sources.demo import DemoSource
from ferdesk.core.types import Frame, SourceInfo
from ferdesk.factory import sources
from ferdesk.factory.models import bundled_models

pytestmark = pytest.mark.skipif(
    not bundled_models(), reason="no expression model ships in this checkout"
)
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def pipeline() -> Iterator[Pipeline]:
    with Pipeline(provider="cpu") as pipeline:
        yield pipeline


def demo_picture(t_s: float) -> np.ndarray:
    source = DemoSource(paced=False)
    source.open()
    source._next_index = round(t_s * 30)
    frame = source.read()
    source.close()
    assert frame is not None
    return frame.image


@pytest.mark.timeout(120)
def test_the_example_of_the_docs_runs_as_it_stands_there() -> None:
    example = re.findall(
        r"```python\n(.*?)```", (ROOT / "docs/library.md").read_text("utf-8"), re.S
    )[0]
    assert len(example.strip().splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, timeout=110,
        check=False, env={**os.environ, "https_proxy": "http://127.0.0.1:9"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("The network runs on the C")
    assert re.search(r"^ 1\.\d\d s  face 1  (\w+ \d+%|\w+)$", done.stdout, re.MULTILINE)


def test_one_picture_is_looked_at_by_itself(pipeline: Pipeline) -> None:
    image = demo_picture(3.0)
    for _ in range(2):
        result = pipeline.look(image)
        assert [face.face_id for face in result.faces] == [1]
    # the caller's picture stays the caller's
    image_again = image.copy()
    pipeline.look(image_again)
    image_again[0, 0] = 1


@pytest.mark.parametrize(
    "image", [np.zeros((5, 5), np.uint8), np.zeros((5, 5, 3), np.float32), np.zeros((5, 5, 4))]
)
def test_what_is_no_picture_is_refused_in_words(pipeline: Pipeline, image: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"\[H, W, 3\] uint8 RGB, not"):
        pipeline.look(image)


class Source:
    """Two frames, and whether it was closed."""

    def __init__(self) -> None:
        self.left, self.closed = 2, False

    def open(self) -> SourceInfo:
        return SourceInfo("video", "two", "two", 64, 48)

    def read(self) -> Frame | None:
        self.left -= 1
        image = np.zeros((48, 64, 3), np.uint8)
        return Frame(image, 1 - self.left, 0.0, 0.0) if self.left >= 0 else None

    def close(self) -> None:
        self.closed = True


def test_a_source_is_closed_at_its_end_and_where_the_loop_is_left(pipeline: Pipeline) -> None:
    source = Source()
    assert len(list(pipeline.run(source))) == 2
    assert source.closed


def test_importing_changes_nothing_but_two_switches_of_libraries() -> None:
    code = (
        "import os; before = dict(os.environ); import ferdesk;"
        "from ferdesk import Pipeline, open_source;"
        "after = {k: v for k, v in os.environ.items() if before.get(k) != v};"
        "print(sorted(after))"
    )
    switches = ("OPENCV_IO_MAX_IMAGE_PIXELS", "ORT_DISABLE_TELEMETRY")
    environment = {k: v for k, v in os.environ.items() if k not in switches}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60,
        check=True, env=environment,
    )  # fmt: skip
    assert done.stdout.strip() == str(list(switches))


def test_a_name_that_ferdesk_has_not_is_an_attribute_error() -> None:
    assert open_source is sources.open_source
    with pytest.raises(AttributeError, match="no attribute 'Pipelin'"):
        ferdesk.Pipelin  # noqa: B018


class Smiling(Source):
    """Two frames with the demo's face."""

    def read(self) -> Frame | None:
        frame = super().read()
        return frame and Frame(demo_picture(3.0), frame.index, frame.index / 30, 0.0)


def test_a_pipeline_for_a_new_source_can_all_that_the_first_one_can(pipeline: Pipeline) -> None:
    with pipeline.for_new_source() as first, first.for_new_source() as other:
        assert type(first) is type(other) is Pipeline
        assert other.classifier is pipeline.classifier
        for each in (first, other):
            # ids begin anew with each source
            ids = [[face.face_id for face in one.faces] for one in each.run(Smiling())]
            assert ids == [[1], [1]]
        assert other.look(demo_picture(3.0)).faces
    # the models are the first pipeline's, which goes on
    assert pipeline.look(demo_picture(3.0)).faces


def test_measures_that_there_are_not_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match=r"one of off, pose, all, mean, not 'al'"):
        Pipeline(measures="al")  # type: ignore[arg-type]
