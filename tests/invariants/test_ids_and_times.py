"""Invariants of a source's pictures: ids are never used again, times never fall."""

from fractions import Fraction
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ferdesk.adapters.sources.picture_time import PictureClock
from ferdesk.core.crop import SHORT_RANGE
from ferdesk.core.geometry import Box
from ferdesk.core.tracking.tracker import FORGET_AFTER_S, Tracker
from ferdesk.core.types import Detection

SIDES = st.floats(1.0, 300.0)
DETECTIONS = st.builds(
    lambda x, y, side, tall, score, confirmed: Detection(
        Box(x, y, side, side * tall), score, SHORT_RANGE, 0.0, confirmed
    ),
    st.floats(-50, 700),
    st.floats(-50, 400),
    SIDES,
    st.floats(0.5, 2.0),
    st.floats(0, 1),
    st.booleans(),
)
STEPS = st.lists(
    st.tuples(
        st.one_of(st.floats(0, 0.2), st.floats(0, 4), st.floats(-2, 0)),
        st.lists(DETECTIONS, max_size=4),
    ),
    max_size=15,
)


@given(STEPS)
def test_an_id_means_one_face_and_is_never_used_again(
    steps: list[tuple[float, list[Detection]]],
) -> None:
    tracker, t_s, highest = Tracker(), 0.0, 0
    last_seen: dict[int, float] = {}
    for step_s, detections in steps:
        t_s += step_s
        if step_s < 0 and last_seen and max(last_seen.values()) > t_s:
            last_seen = {}  # a source began again: all of its faces are new
        tracked = tracker.update(detections, t_s)
        ids = [one.face_id for one in tracked]
        assert ids == sorted(set(ids))
        for one in tracked:
            # each is one of the detections, and one that is not confirmed begins nothing
            assert sum(one.detection is detection for detection in detections) == 1
            if one.face_id in last_seen:
                assert t_s - last_seen[one.face_id] <= FORGET_AFTER_S + 1e-9
            else:
                assert one.face_id > highest
                assert one.detection.confirmed
                highest = one.face_id
            last_seen[one.face_id] = t_s
        seen = {id(one.detection) for one in tracked}
        assert all(id(detection) in seen for detection in detections if detection.confirmed)


TICKS = st.one_of(
    st.none(), st.integers(0, 3000), st.integers(-(2**33), 2**33), st.integers(-(2**62), 2**62)
)
PICTURES = st.lists(st.tuples(TICKS, TICKS, st.integers(0, 200)), max_size=20)


@given(
    PICTURES,
    st.sampled_from(["mov,mp4,m4a,3gp,3g2,mj2", "mpegts", "avi", "h264", "hls"]),
    st.sampled_from([None, 0, 21_000, 1_400_000, -40_000]),
    st.sampled_from([None, Fraction(0), Fraction(30), Fraction(60_000), Fraction(1, 10)]),
)
def test_a_pictures_time_never_falls_whatever_the_file_says(
    pictures: list[tuple[int | None, int | None, int]],
    form: str,
    start: int | None,
    rate: Fraction | None,
) -> None:
    # Any: it takes the place of a container and its stream, of which it has what is asked
    container: Any = SimpleNamespace(start_time=start, format=SimpleNamespace(name=form))
    tick = Fraction(1, 90_000)
    stream: Any = SimpleNamespace(average_rate=rate, guessed_rate=rate, time_base=tick)
    clock, before_s = PictureClock(container, stream, "a file"), 0.0
    for pts, dts, duration in pictures:
        picture: Any = SimpleNamespace(pts=pts, dts=dts, duration=duration, time_base=tick)
        t_s = clock.time_of(picture)
        assert t_s >= before_s
        assert clock.lasts_s(picture) > 0
        before_s = t_s
    for event in clock.take_events():
        assert event.kind in ("time_jumped", "no_times")
        assert len(event.text.splitlines()) == 1
