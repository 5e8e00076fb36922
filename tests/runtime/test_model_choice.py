"""Which model is used is found by trying."""

import numpy as np

from ferdesk.core.pipeline import ExpressionClassifier
from ferdesk.core.types import DeviceInfo, Expression, ModelInfo
from ferdesk.errors import ModelError
from ferdesk.runtime.model_choice import Candidate, choose_model


class Timed:
    """A model that takes its time of a held clock."""

    now_s = 0.0
    device = DeviceInfo("CPU", "")

    def __init__(self, name: str, ms_a_face: float) -> None:
        self.info = ModelInfo(name, "1", "", "", {}, "", "", {})
        self.ms_a_face = ms_a_face
        self.num_runs = 0

    def classify(self, crops: np.ndarray) -> list[Expression]:
        self.num_runs += 1
        Timed.now_s += self.ms_a_face * len(crops) / 1000
        return [Expression(np.full(7, 1 / 7, np.float32)) for _ in crops]


def candidate(name: str, ms_a_face: float) -> Candidate:
    return Candidate(name, lambda: Timed(name, ms_a_face))


MODELS = [candidate("full", 18), candidate("fast", 5), candidate("fast-int8", 3)]


def chosen(models: list[Candidate], num_faces: int, rate_fps: float = 30) -> tuple[str, str]:
    choice = choose_model(models, num_faces, 1 / rate_fps, clock=lambda: Timed.now_s)
    assert choice is not None
    return choice.classifier.info.name, choice.reason


def test_the_best_model_that_keeps_the_cameras_rate_is_chosen() -> None:
    assert chosen(MODELS, 1) == ("full", "Using full (18 ms for 1 face).")
    name, reason = chosen(MODELS, 4)
    assert name == "fast"
    assert reason == "Using fast (20 ms for 4 faces; full 72 ms)."
    assert chosen(MODELS, 8)[0] == "fast-int8"


def test_where_none_keeps_the_rate_the_fastest_is_used_and_that_is_said() -> None:
    name, reason = chosen(MODELS, 20)
    assert name == "fast-int8"
    assert "the camera's frame rate leaves 27 ms, which no model keeps" in reason


def test_a_model_that_is_far_too_slow_does_not_take_the_machine_for_long() -> None:
    slow, fast = Timed("full", 200), Timed("fast", 5)
    models = [Candidate("full", lambda: slow), Candidate("fast", lambda: fast)]
    assert chosen(models, 2)[0] == "fast"
    assert slow.num_runs == 2  # one to get warm


def test_a_model_that_cannot_be_opened_is_left_out() -> None:
    def broken() -> ExpressionClassifier:
        raise ModelError("It is broken.")

    assert chosen([Candidate("full", broken), candidate("fast", 5)], 1)[0] == "fast"


def test_where_there_is_one_model_nothing_is_chosen() -> None:
    assert choose_model([MODELS[1]], 1, 1 / 30, clock=lambda: Timed.now_s) is None
    assert choose_model([], 1, 1 / 30) is None


def test_a_choice_that_nobody_waits_for_any_more_ends() -> None:
    assert choose_model(MODELS, 1, 1 / 30, stop_requested=lambda: True) is None
