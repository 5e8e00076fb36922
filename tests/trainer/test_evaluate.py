"""Figures on small numbers that one can do by hand, and ten views that are the paper's."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from ferdesk.errors import DataError
from trainer.data.augment import ten_crops
from trainer.data.fer2013 import Faces
from trainer.models.network import Architecture, ExpressionNet
from trainer.scoring.evaluate import (
    Views,
    as_table,
    evaluate,
    expected_calibration_error,
    file_sha256,
    fit_temperature,
    onnx_classifier,
    score,
    shift_of,
    shifted,
    softmax,
    torch_classifier,
    view_logits,
    whole_float32,
    wilson_interval,
)
from trainer.scoring.private_looks import PRIVATE_LOG, log_private, private_log, refuse_second_look
from trainer.training.checkpoint import weights_sha256

Array = NDArray[np.float64]


@pytest.fixture
def pixels() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 256, (6, 48, 48)).astype(np.uint8)


@pytest.fixture
def net() -> ExpressionNet:
    torch.manual_seed(0)
    return ExpressionNet(Architecture(width=4)).eval()


def test_ten_shifted_views_through_an_inner_crop_are_the_mean_of_ten_crops(
    net: ExpressionNet, pixels: NDArray[np.uint8]
) -> None:
    with torch.no_grad():
        logits = [net(view).double() for view in ten_crops(torch.from_numpy(pixels), 44)]
    expected = torch.stack(logits).mean(0).numpy()

    found = view_logits(torch_classifier(net, 44), pixels, "ten")

    np.testing.assert_allclose(found, expected, atol=1e-5)
    one = view_logits(torch_classifier(net, 44), pixels, "one")
    assert np.abs(one - expected).max() > 1e-3


@pytest.mark.parametrize("crop_px", [40, 44, 48])
def test_ten_views_keep_to_the_inner_crop_of_the_model(
    net: ExpressionNet, pixels: NDArray[np.uint8], crop_px: int
) -> None:
    with torch.no_grad():
        logits = [net(view).double() for view in ten_crops(torch.from_numpy(pixels), crop_px)]
    found = view_logits(torch_classifier(net, crop_px), pixels, "ten", shift_of(crop_px))
    np.testing.assert_allclose(found, torch.stack(logits).mean(0).numpy(), atol=1e-5)


def _sum_of_shown(pixels: NDArray[np.uint8]) -> Array:
    """A classifier whose first logit tells the top-left pixel that it was shown."""
    logits = np.zeros((len(pixels), 7))
    logits[:, 0] = pixels[:, 0, 0]
    return logits


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        ("one", 10.0),
        ("flip", (10 + 20) / 2),
        # down and right repeats the edges, up and left brings in pixel (2, 2), and so on
        ("ten", (10 + 10 + 30 + 40 + 50 + 20 + 60 + 20 + 80 + 90) / 10),
    ],
)
def test_each_way_of_viewing_shows_its_views_once(views: Views, expected: float) -> None:
    face = np.zeros((1, 48, 48), dtype=np.uint8)
    face[0, 0, 0], face[0, 0, 2], face[0, 2, 0], face[0, 2, 2] = 10, 30, 40, 50
    face[0, 0, -1], face[0, 0, -3], face[0, 2, -1], face[0, 2, -3] = 20, 60, 80, 90
    assert view_logits(_sum_of_shown, face, views)[0, 0] == pytest.approx(expected)


def test_a_shift_repeats_the_edges() -> None:
    face = np.arange(9, dtype=np.uint8).reshape(1, 3, 3)
    np.testing.assert_array_equal(shifted(face, 1, 0)[0], [[0, 1, 2], [0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(shifted(face, 0, -1)[0], [[1, 2, 2], [4, 5, 5], [7, 8, 8]])


def test_the_temperature_divides_the_logits(net: ExpressionNet, pixels: NDArray[np.uint8]) -> None:
    hot = torch_classifier(net, 44, temperature=2.0)(pixels)
    np.testing.assert_allclose(2 * hot, torch_classifier(net, 44)(pixels), rtol=1e-5)


def test_softmax_survives_large_logits() -> None:
    np.testing.assert_allclose(
        softmax(np.array([[1000.0, 1000.0], [0.0, math.log(3)]])), [[0.5, 0.5], [0.25, 0.75]]
    )


def test_the_calibration_error_is_the_weighted_gap_of_each_bin() -> None:
    confidence = np.array([0.90, 0.90, 0.62, 0.72])
    probabilities = np.stack([confidence, 1 - confidence], axis=1)
    labels = np.array([0, 1, 0, 1])  # right, wrong, right, wrong
    # bin of 0.90: |1/2 - 0.90| * 2/4; of 0.62: |1 - 0.62| * 1/4; of 0.72: |0 - 0.72| * 1/4
    expected = 0.40 * 0.5 + 0.38 * 0.25 + 0.72 * 0.25
    assert expected_calibration_error(probabilities, labels) == pytest.approx(expected)


def test_faces_in_one_bin_make_up_for_each_other() -> None:
    probabilities = np.array([[0.55, 0.45], [0.59, 0.41]])
    assert expected_calibration_error(probabilities, np.array([0, 1])) == pytest.approx(
        abs(0.5 - 0.57)
    )


def test_full_confidence_that_is_right_has_no_calibration_error() -> None:
    assert expected_calibration_error(np.eye(3), np.arange(3)) == 0.0


def _logits_of(probabilities: list[list[float]]) -> Array:
    """Logits over seven expressions; what is not given shares the rest."""
    table = np.array([[*p, *[(1 - sum(p)) / (7 - len(p))] * (7 - len(p))] for p in probabilities])
    logits: Array = np.log(table)
    return logits


def test_the_nll_is_the_mean_of_minus_log_p() -> None:
    logits = _logits_of([[0.5, 0.1], [0.2, 0.25]])
    expected = -(math.log(0.5) + math.log(0.25)) / 2
    assert score(logits, np.array([0, 1])).nll == pytest.approx(expected)


def test_macro_recall_counts_every_expression_alike() -> None:
    logits = np.zeros((6, 7))
    for face, predicted in enumerate([0, 3, 3, 3, 3, 3]):
        logits[face, predicted] = 1.0
    labels = np.array([0, 0, 3, 3, 3, 3])

    scores = score(logits, labels)

    assert scores.num_faces == 6
    assert scores.accuracy == pytest.approx(5 / 6)
    assert scores.recall["angry"] == 0.5
    assert scores.recall["happy"] == 1.0
    assert scores.macro_recall == pytest.approx(0.75)  # absent expressions do not count
    assert math.isnan(scores.recall["fear"])


@pytest.mark.parametrize(
    ("num_correct", "num_faces", "low", "high"),
    [
        (8, 10, 0.4901625, 0.9433178),
        (0, 10, 0.0, 0.2775328),
        (10, 10, 0.7224672, 1.0),
        (2656, 3589, 0.7254380, 0.7541267),
        (0, 0, 0.0, 1.0),
    ],
)
def test_the_interval_is_wilsons(num_correct: int, num_faces: int, low: float, high: float) -> None:
    # the roots p of (share - p)^2 = 1.96^2 p (1 - p) / n
    assert wilson_interval(num_correct, num_faces) == pytest.approx((low, high), abs=2e-6)


def _two_logits(logit: float, num_right: int, num_wrong: int) -> tuple[Array, NDArray[np.int64]]:
    logits = np.tile([logit, 0.0], (num_right + num_wrong, 1))
    return logits, np.array([0] * num_right + [1] * num_wrong)


def test_the_temperature_makes_confidence_meet_accuracy() -> None:
    # sigma(2 / T) = 3/4 at T = 2 / ln 3
    assert fit_temperature(*_two_logits(2.0, 75, 25)) == pytest.approx(2 / math.log(3), rel=1e-4)
    assert fit_temperature(*_two_logits(0.5, 90, 10)) == pytest.approx(0.5 / math.log(9), rel=1e-4)


def test_logits_twice_as_large_have_twice_the_temperature() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 7, 300)
    logits = rng.normal(size=(300, 7)) + 1.5 * np.eye(7)[labels]
    assert fit_temperature(2 * logits, labels) == pytest.approx(
        2 * fit_temperature(logits, labels), rel=1e-4
    )


def test_the_figures_are_json_even_where_an_expression_is_absent() -> None:
    table = as_table(score(_logits_of([[0.5, 0.1]]), np.array([0])))
    text = json.dumps(table, allow_nan=False)
    assert json.loads(text)["recall"]["fear"] is None
    assert json.loads(text)["recall"]["angry"] == 1.0


def test_figures_are_rounded_to_the_asked_digits() -> None:
    table = as_table(score(_logits_of([[0.5, 0.1]]), np.array([0])), digits=2)
    assert table["nll"] == 0.69
    assert table["interval"] == [0.21, 1.0]


def test_an_empty_split_is_refused(net: ExpressionNet) -> None:
    nobody = Faces(np.zeros((0, 48, 48), np.uint8), np.zeros(0, np.int64))
    with pytest.raises(DataError, match="no faces"):
        evaluate(torch_classifier(net, 44), nobody, "one")


def test_evaluating_views_and_scores_the_faces(pixels: NDArray[np.uint8]) -> None:
    def bright_is_happy(faces: NDArray[np.uint8]) -> Array:
        happy: Array = np.eye(7)[np.where(faces.mean((1, 2)) > 127, 3, 6)]
        return happy

    faces = Faces(pixels, np.where(pixels.mean((1, 2)) > 127, 3, 6))
    assert evaluate(bright_is_happy, faces, "flip").accuracy == 1.0


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(1000)])
def test_a_file_that_is_no_model_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError) as caught:
        onnx_classifier(path)
    assert str(caught.value) == (
        f"{path} cannot be opened as an ONNX model; it may be cut off. Export it again."
    )


def test_a_missing_model_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no model .*absent\.onnx; .*ferdesk-train export"):
        onnx_classifier(tmp_path / "absent.onnx")


def test_looks_at_privatetest_are_noted_in_the_checkout_or_else_in_this_folder(
    tmp_path: Path,
) -> None:
    assert private_log(tmp_path) == Path("ferdesk-private-test-log.jsonl")
    (tmp_path / "pyproject.toml").touch()
    assert private_log(tmp_path) == tmp_path / "docs" / "results" / "private-test-log.jsonl"


def test_this_checkouts_log_of_privatetest_is_the_one_that_git_tracks() -> None:
    checkout = Path(__file__).parents[2]
    assert checkout / "docs" / "results" / "private-test-log.jsonl" == PRIVATE_LOG
    assert PRIVATE_LOG.is_file()


def test_each_look_at_privatetest_is_one_dated_line(tmp_path: Path) -> None:
    log = tmp_path / "results" / "log.jsonl"
    log_private({"model": "a"}, log)
    log_private({"model": "b"}, log)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["model"] for line in lines] == ["a", "b"]
    assert all(line["date"].endswith("+00:00") for line in lines)


def test_a_files_sha256_is_its_contents(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"abc")
    assert file_sha256(path).startswith("ba7816bf8f01cfea")


def test_a_second_look_at_private_test_by_one_version_is_refused(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    refuse_second_look("fast", "1", log)  # there is no log yet
    log_private({"file": "fast.onnx", "scores": {}}, log)  # of version 1, which told none
    log_private({"file": "fast.onnx", "version": "2", "scores": {}}, log)
    log_private({"what": "no look", "file": "fast.onnx", "version": "3"}, log)
    for version in ("1", "2"):
        with pytest.raises(DataError, match=f"by fast, version {version}, on 20"):
            refuse_second_look("fast", version, log)
    refuse_second_look("fast", "3", log)
    refuse_second_look("full", "1", log)


def test_the_same_weights_are_not_looked_at_again_under_another_name(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    weights = {"a": torch.arange(3.0), "num_batches": torch.tensor(7)}
    told = weights_sha256(weights)
    assert told == weights_sha256({"num_batches": torch.tensor(8), "a": torch.arange(3.0)})
    assert told != weights_sha256({"a": torch.arange(3.0) + 1e-6})
    entry = {"file": "fast.onnx", "version": "4", "scores": {}, "weights_sha256": told}
    log_private({**entry, "scores": {}}, log)
    with pytest.raises(DataError, match=r"these very weights .* as fast, version 4"):
        refuse_second_look("slow", "1", log, weights_sha256=told)
    refuse_second_look("slow", "1", log, weights_sha256="another")
    refuse_second_look("slow", "1", log)


def test_the_log_lies_where_the_variable_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FERDESK_PRIVATE_LOG", str(tmp_path / "looks.jsonl"))
    assert private_log(tmp_path) == tmp_path / "looks.jsonl"


def test_judging_is_in_whole_float32_and_leaves_the_switch_as_it_was() -> None:
    before = torch.backends.cudnn.allow_tf32
    with whole_float32():
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
