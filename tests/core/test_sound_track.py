"""Blocks of a microphone on the session's clock."""

import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.core.sound_track import SoundBlock, SoundTrack

RATE = 1000


def block(at_s: float, *samples: int) -> SoundBlock:
    return SoundBlock(np.array(samples, np.int16), 50.0 + at_s)


def added(track: SoundTrack, one: SoundBlock) -> NDArray[np.int16]:
    """All pieces at once."""
    return np.concatenate([*track.add(one), np.zeros(0, np.int16)])


def test_what_was_heard_before_the_origin_is_left_out() -> None:
    track = SoundTrack(50.0, RATE)
    assert added(track, block(-0.004, 1, 2)).tolist() == []
    assert added(track, block(-0.002, 3, 4, 5)).tolist() == [5]
    assert added(track, block(0.001, 6, 7)).tolist() == [6, 7]


def test_a_late_begin_and_a_gap_are_silence() -> None:
    track = SoundTrack(50.0, RATE)
    assert added(track, block(0.003, 8)).tolist() == [0, 0, 0, 8]
    found = added(track, block(0.204, 9))
    assert found.tolist() == [0] * 200 + [9]
    assert track.ends_at_s == pytest.approx(0.205)


def test_silence_for_hours_comes_in_pieces_and_counts() -> None:
    track = SoundTrack(50.0, 48_000)
    assert added(track, block(0.0, 1)).tolist() == [1]
    lengths = [len(piece) for piece in track.add(block(3600.0, 7, 8))]
    assert max(lengths) < 48_000 * 3
    assert lengths[-1] == 2
    assert sum(lengths) == 48_000 * 3600 + 1
    assert track.num_samples == 48_000 * 3600 + 2


def test_jitter_changes_nothing() -> None:
    track = SoundTrack(50.0, RATE)
    jitter = [0.0, 0.004, -0.003, 0.002, -0.004, 0.003]
    for k in range(300):
        found = added(track, block(0.02 * k + jitter[k % 6] * (k > 0), *range(20)))
        assert found.tolist() == list(range(20))


@pytest.mark.parametrize("drift", [300e-6, -300e-6])
def test_a_clock_that_runs_differently_stays_within_milliseconds(drift: float) -> None:
    rate = 16_000
    track, worst_s = SoundTrack(50.0, rate), 0.0
    for k in range(5000):
        at_s = 0.02 * k * (1 + drift)
        worst_s = max(worst_s, abs(track.ends_at_s - at_s))
        added(track, SoundBlock(np.zeros(320, np.int16), 50.0 + at_s))
    # after 100 s the clocks are 30 ms apart
    assert worst_s < 0.006


def test_what_was_stretched_is_not_stretched_again() -> None:
    rate = 16_000
    track, offsets_s = SoundTrack(50.0, rate), []
    for k in range(1000):
        # from the second second on everything is heard 10 ms later
        at_s = 0.02 * k + (0.010 if k >= 50 else 0.0)
        offsets_s.append(at_s - track.ends_at_s)
        added(track, SoundBlock(np.zeros(320, np.int16), 50.0 + at_s))
    assert min(offsets_s) > -0.001
    assert abs(offsets_s[-1]) < 0.0045
