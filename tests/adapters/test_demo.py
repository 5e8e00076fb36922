"""The demo: the same scene each time, at its own pace, with one face, two faces and none."""

import dataclasses
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ferdesk.adapters.sources import demo
from ferdesk.adapters.sources.demo import LOOP_S, PEOPLE, RATE_FPS, DemoSource, visible_people
from ferdesk.core.types import Frame
from ferdesk.errors import SourceError
from ferdesk.paths import assets_folder

EMPTY_S, ONE_S, TWO_S, OTHER_S, BLURRED_S = 19.5, 2.5, 9.0, 13.0, 15.2


class Clock:
    """Time that passes only when someone sleeps or the test says so."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []
        self.asked = threading.Event()

    def __call__(self) -> float:
        self.asked.set()
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


@pytest.fixture(scope="module")
def scene() -> demo._Scene:
    return demo._Scene(assets_folder() / "demo")


def opened(source: DemoSource) -> DemoSource:
    source.open()
    return source


def must_read(source: DemoSource) -> Frame:
    frame = source.read()
    assert frame is not None
    return frame


def detail(image: NDArray[np.uint8]) -> float:
    return float(np.abs(np.diff(image[..., 1].astype(np.int16), axis=1)).mean())


def test_it_says_what_its_frames_are() -> None:
    source = DemoSource(paced=False)
    info = source.open()
    frame = must_read(source)
    assert (info.kind, info.name, info.location) == ("demo", "demo", "demo")
    assert (info.width, info.height, info.rate_fps) == (1280, 720, 30.0)
    assert not info.live
    assert frame.image.shape == (720, 1280, 3)
    assert frame.image.dtype == np.uint8
    assert not frame.image.flags.writeable


def test_two_runs_show_the_same_pictures() -> None:
    sources = [opened(DemoSource(paced=False)) for _ in range(2)]
    for _ in range(32):
        one, two = (must_read(source) for source in sources)
        assert (one.index, one.t_s) == (two.index, two.t_s)
        assert np.array_equal(one.image, two.image)


def test_a_source_that_is_opened_again_starts_again() -> None:
    source = opened(DemoSource(paced=False))
    first = must_read(source)
    must_read(source)
    source.close()
    source.open()
    again = must_read(source)
    assert again.index == 0
    assert np.array_equal(first.image, again.image)


def test_a_moment_looks_the_same_whatever_was_drawn_before(scene: demo._Scene) -> None:
    before = scene.render(ONE_S)
    scene.render(TWO_S)
    assert np.array_equal(scene.render(ONE_S), before)


def test_the_demo_ends_after_its_duration() -> None:
    source = opened(DemoSource(duration_s=0.25, paced=False))
    frames = list(iter(source.read, None))
    assert [frame.index for frame in frames] == list(range(8))
    assert frames[-1].t_s == pytest.approx(7 / 30)
    assert source.read() is None


def test_a_paced_demo_ends_after_its_duration_when_its_reader_is_late() -> None:
    clock = Clock()
    source = opened(DemoSource(duration_s=1.0, clock=clock, sleep=clock.sleep))
    must_read(source)
    clock.now_s += 5.0
    assert source.read() is None


def test_a_paced_read_waits_until_its_frame_is_due() -> None:
    clock = Clock()
    source = opened(DemoSource(clock=clock, sleep=clock.sleep))
    frames = [must_read(source) for _ in range(4)]
    assert [frame.index for frame in frames] == [0, 1, 2, 3]
    assert clock.slept == pytest.approx([1 / 30] * 3)
    assert [frame.captured_s for frame in frames] == pytest.approx(
        [100.0 + i / 30 for i in range(4)]
    )


def test_a_late_reader_gets_the_frame_that_is_due() -> None:
    clock = Clock()
    source = opened(DemoSource(clock=clock, sleep=clock.sleep))
    must_read(source)
    clock.now_s += 1.01
    late = must_read(source)
    assert late.index == 30
    assert late.t_s == pytest.approx(1.0)
    assert must_read(source).index == 31


def test_an_unpaced_demo_never_waits_and_skips_nothing() -> None:
    clock = Clock()
    source = opened(DemoSource(paced=False, clock=clock, sleep=clock.sleep))
    indices = []
    for _ in range(3):
        indices.append(must_read(source).index)
        clock.now_s += 1.0
    assert indices == [0, 1, 2]
    assert clock.slept == []


def test_close_ends_a_waiting_read() -> None:
    clock = Clock()
    source = opened(DemoSource(clock=clock))
    must_read(source)
    clock.now_s -= 20.0  # the second frame is now due in 20 s
    ends: list[Frame | None] = []
    reader = threading.Thread(target=lambda: ends.append(source.read()), name="reader")
    clock.asked.clear()
    reader.start()
    assert clock.asked.wait(5.0)
    source.close()
    reader.join(5.0)
    assert not reader.is_alive()
    assert ends == [None]


def test_a_closed_demo_gives_nothing_and_may_be_closed_again() -> None:
    source = opened(DemoSource(paced=False))
    source.close()
    source.close()
    assert source.read() is None


def test_an_unopened_demo_gives_nothing() -> None:
    assert DemoSource(paced=False).read() is None


def test_in_the_window_each_person_stays_for_half_a_minute() -> None:
    times = np.arange(0, 44, 0.05)
    for person in PEOPLE:
        here = [person.name in visible_people(demo.staying(float(t_s))) for t_s in times]
        assert sum(here) * 0.05 >= 28
        # once a loop, without a break
        assert np.count_nonzero(np.diff(np.array(here).astype(int)) == 1) == 1
    # nothing jumps
    steps = np.diff([demo.staying(float(t_s)) for t_s in times])
    assert np.abs(steps[:-1]).max() < 0.1
    clock = Clock()
    source = opened(DemoSource(stays=True, clock=clock, sleep=clock.sleep))
    must_read(source)
    clock.now_s += 20.0
    late = must_read(source)
    scene = demo._Scene(assets_folder() / "demo")
    assert np.array_equal(late.image, scene.render(demo.staying(late.t_s)))


def test_the_loop_has_one_two_and_no_faces() -> None:
    collins, hopper = (person.name for person in PEOPLE)
    assert list(visible_people(ONE_S)) == [collins]
    assert list(visible_people(TWO_S)) == [collins, hopper]
    assert list(visible_people(OTHER_S)) == [hopper]
    assert visible_people(EMPTY_S) == {}


def test_faces_are_large_enough_to_read_and_small_enough_to_fit() -> None:
    widths = [box.width for i in range(int(LOOP_S * 10)) for box in visible_people(i / 10).values()]
    assert min(widths) >= 90
    assert max(widths) <= 300


def test_the_second_round_is_the_first() -> None:
    for t_s in (0.0, ONE_S, TWO_S, EMPTY_S):
        first, second = visible_people(t_s), visible_people(t_s + LOOP_S)
        assert first.keys() == second.keys()
        for name, box in first.items():
            assert second[name].iou(box) == pytest.approx(1.0)


def test_the_end_of_the_loop_meets_its_start(scene: demo._Scene) -> None:
    last, first = scene.render(LOOP_S - 1 / RATE_FPS), scene.render(LOOP_S)
    assert np.abs(last.astype(np.int16) - first).max() <= 2


def test_nobody_jumps_from_one_frame_to_the_next() -> None:
    before = visible_people(0.0)
    for i in range(1, int(LOOP_S * RATE_FPS)):
        now = visible_people(i / RATE_FPS)
        for name in before.keys() & now.keys():
            assert now[name].iou(before[name]) > 0.5
        before = now


@pytest.mark.parametrize("person", PEOPLE, ids=lambda person: person.file)
def test_people_come_and_go_outside_the_picture(person: demo.Person) -> None:
    cutout = demo._CutOut(person, assets_folder() / "demo")
    for at_s in (person.path[0][0], person.path[-1][0] - 1e-6):
        pose = demo._pose(person, at_s)
        assert pose is not None
        image = np.full((720, 1280, 3), 128, np.uint8)
        cutout.draw(image, pose)
        assert (image == 128).all()


def test_the_light_dims_and_recovers(scene: demo._Scene) -> None:
    before, dim, after = (float(scene.render(t_s).mean()) for t_s in (2.6, 4.2, 6.0))
    assert dim < 0.5 * before
    assert after > 0.8 * before


def test_the_focus_is_lost_and_found_again(scene: demo._Scene) -> None:
    sharp, blurred, again = (detail(scene.render(t_s)) for t_s in (OTHER_S, BLURRED_S, 16.8))
    assert blurred < 0.5 * sharp
    assert again > 0.8 * sharp


def test_missing_pictures_are_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "assets_folder", lambda: tmp_path)
    with pytest.raises(SourceError, match=r"collins\.webp cannot be read"):
        DemoSource().open()


def test_a_damaged_picture_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "collins.webp").write_bytes(b"not a picture")
    monkeypatch.setattr(demo, "assets_folder", lambda: tmp_path)
    with pytest.raises(SourceError, match=r"collins\.webp is damaged"):
        DemoSource().open()


def test_the_pace_of_a_change_is_known() -> None:
    assert [demo._smoothstep(x) for x in (0, 0.25, 0.5, 0.75, 1)] == [0, 0.15625, 0.5, 0.84375, 1]
    script = ((2.0, 5.0), (4.0, 9.0), (6.0, 1.0))
    shown = [demo._at(script, t_s) for t_s in (0, 1.9, 2, 2.5, 3, 4, 5.5, 6, 7)]
    assert shown == [5, 5, 5, 5.625, 7, 9, 2.25, 1, 1]
    # five turns in twenty seconds: a quarter of a turn in one
    assert [demo._wave(5, t_s) for t_s in (1.0, 2.0, 3.0)] == pytest.approx([1, 0, -1], abs=1e-12)


def test_a_pose_lies_between_two_and_sways() -> None:
    first, last = demo.Pose(100, 200, 50, 10, 1.0, -1.0), demo.Pose(300, 100, 90, -30, 0.0, 1.0)
    person = dataclasses.replace(PEOPLE[0], path=((2.0, first), (6.0, last)))
    # a quarter of the way is 0.15625 of the change; at 3 s the sways have made 0.6, 1.05 and
    # 1.35 turns: sines of -0.587785, 0.309017 and 0.809017
    pose = demo._pose(person, 23.0)
    assert pose is not None
    assert (pose.x, pose.y) == pytest.approx((131.25 - 4.114497, 184.375 + 1.545085))
    assert (pose.width, pose.roll_deg) == pytest.approx((56.25, 3.75 + 0.647214))
    assert (pose.mouth, pose.brow) == pytest.approx((0.84375, -0.6875))
    assert demo._pose(person, 2.0) is not None
    assert (demo._pose(person, 1.99), demo._pose(person, 6.0)) == (None, None)


def test_a_bump_is_a_gaussian_and_a_regions_border_is_still() -> None:
    grid = np.mgrid[0:5, 0:7].astype(np.float32)
    bump = demo._bump(grid, (4.0, 1.0), 2.0)
    assert bump[1, 4] == 1
    assert (bump[1, 2], bump[3, 4], bump[4, 6]) == pytest.approx(
        (np.exp(-0.5), np.exp(-0.5), np.exp(-13 / 8))
    )
    fade = demo._border_fade((40, 20))
    assert (fade[0] == 0).all()
    assert (fade[:, -1] == 0).all()
    assert fade[4:36, 2:18].min() == 1
    assert (fade[20, 1], fade[3, 10], fade[38, 18]) == pytest.approx((0.5, 0.75, 0.125))


def test_the_backdrop_is_lit_where_it_was_designed_to_be() -> None:
    wall = demo._backdrop().astype(float)
    # the wall's grey less 18 over the height, the light of each pool, half a level of dither
    for x, y in [(620, 260), (1180, 640), (90, 80), (900, 400), (300, 650)]:
        light = [
            np.exp(-((x - px) ** 2 + (y - py) ** 2) / (2 * reach**2))
            for px, py, reach in [(620, 260, 330), (1180, 640, 260), (90, 80, 240)]
        ]
        colours = np.array([[62, 64, 66], [46, 28, 8], [6, 16, 30]])
        expected = np.array([74, 84, 98]) - 18 * y / 720 + np.array(light) @ colours
        around = wall[y - 2 : y + 2, x - 2 : x + 2].mean(axis=(0, 1))
        np.testing.assert_allclose(around, expected, atol=0.3)


def test_the_script_is_the_one_of_the_published_pictures() -> None:
    # poses and times, summed with the weights 1, 2, 3 ... so that each of them counts
    for person, poses, times in [
        (PEOPLE[0], (10390, 17250, 8128, -101, -6.6, -4.2), 402),
        (PEOPLE[1], (41010, 18230, 9495, 62, 6.2, -0.8), 664.4),
    ]:
        weights = np.arange(1, len(person.path) + 1)
        table = np.array([dataclasses.astuple(pose) for _, pose in person.path])
        assert weights @ table == pytest.approx(poses)
        assert weights @ np.array([at_s for at_s, _ in person.path]) == pytest.approx(times)


def test_the_pictures_are_those_that_were_published(scene: demo._Scene) -> None:
    # means of squares of 40 pixels, in four random sums; versions of OpenCV round a little apart
    published = [
        (0.9, [-11022, 3688, -408, -4315]),
        (2.5, [-11625, 2321, -3778, -3379]),
        (4.2, [-3219, 119, -1622, -956]),
        (7.3, [-11594, 1515, -509, -2053]),
        (9.0, [-11280, 3442, -3209, -4371]),
        (10.0, [-14501, 1982, -6139, -6197]),
        (12.1, [-9499, 3236, -3573, -4119]),
        (13.0, [-9702, 4336, -3484, -7124]),
        (14.4, [-7946, 682, -2560, -2493]),
        (15.2, [-6669, 1090, -3022, -2672]),
        (16.4, [-8810, 398, -3249, -6099]),
        (19.5, [-10151, 3207, -1107, -3228]),
    ]
    for t_s, sums in published:
        means = scene.render(t_s).reshape(18, 40, 32, 40, 3).mean(axis=(1, 3))
        weights = np.random.default_rng(7).standard_normal((4, *means.shape))
        np.testing.assert_allclose((weights * means).sum(axis=(1, 2, 3)), sums, atol=3)
