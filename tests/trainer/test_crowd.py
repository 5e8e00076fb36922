"""The crowd head learns FER+'s votes, is evaluated against them, and is part of the model file."""

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray

from ferdesk.adapters.networks.onnx_classifier import OnnxClassifier
from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from ferdesk.paths import models_folder
from tests.trainer.conftest import Row, Run
from trainer.data.fer2013 import Faces, Fer2013, Split
from trainer.data.ferplus import CHOICES, FerPlus
from trainer.delivery.card import facts_of, write_card
from trainer.delivery.export import Identity, export
from trainer.delivery.quantize import quantize
from trainer.models.losses import vote_loss
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe, load_recipe
from trainer.scoring.crowd_metrics import fit_crowd_temperature, score_crowd, vote_calibration_error
from trainer.scoring.evaluate import (
    file_sha256,
    onnx_classifier,
    onnx_crowd,
    open_session,
    softmax,
    torch_classifier,
    torch_crowd,
    view_logits,
)
from trainer.scoring.private_looks import (
    log_private,
    network_sha256,
    refuse_second_look_by_file,
    refuse_second_look_by_twin,
)
from trainer.training.checkpoint import Checkpoint
from trainer.training.distillation import load_teacher, teacher_probabilities
from trainer.training.initial_weights import load_initial_weights
from trainer.training.loop import fit

if TYPE_CHECKING:
    from trainer.training.progress import Progress

# seconds of work; a busy machine may take many times that
pytestmark = pytest.mark.timeout(600)

_PLACE = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
"""FER+'s words for our labels, in their order."""
NEUTRAL, HAPPY, SAD = LABELS.index("neutral"), LABELS.index("happy"), LABELS.index("sad")


def votes_of(*faces: dict[str, int]) -> FerPlus:
    rows = [[face.get(choice, 0) for choice in CHOICES] for face in faces]
    return FerPlus(np.array(rows, dtype=np.int64).reshape(-1, len(CHOICES)))


def seen_as(labels_N: NDArray[np.int64], turned_by: int = 1) -> FerPlus:
    """Eight voters see the label ``turned_by`` places on, one the label itself, one no face."""
    return votes_of(
        *({_PLACE[(k + turned_by) % 7]: 8, _PLACE[k]: 1, "NF": 1} for k in labels_N.tolist())
    )


def logits_for(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.log(np.maximum(probabilities, 1e-12))


@pytest.fixture
def crowd_recipe(tiny_recipe: Recipe) -> Recipe:
    return dataclasses.replace(tiny_recipe, crowd_weight=1.0)


@pytest.fixture
def votes(tiny_data: Fer2013) -> dict[Split, FerPlus]:
    return {split: seen_as(faces.labels) for split, faces in tiny_data.splits.items()}


# learning


def test_each_vote_counts_alike_and_a_face_without_votes_has_no_loss() -> None:
    found = votes_of({"anger": 6, "sadness": 4}, {"NF": 8, "fear": 2}, {"contempt": 10})
    shares = torch.from_numpy(found.shares())
    torch.testing.assert_close(shares.sum(1), torch.tensor([1.0, 0.2, 0.0]))
    loss_B = vote_loss(torch.zeros(3, 7), shares)
    even = float(np.log(7))  # nothing said: each vote costs the same
    torch.testing.assert_close(loss_B, torch.tensor([even, 0.2 * even, 0.0]))


def test_both_heads_learn_their_own_truth_from_the_same_faces(
    crowd_recipe: Recipe, tiny_data: Fer2013, votes: dict[Split, FerPlus], tmp_path: Path
) -> None:
    recipe = dataclasses.replace(crowd_recipe, epochs=40, width=8)
    checkpoint = fit(recipe, tiny_data, tmp_path, votes=votes)
    model, public = checkpoint.model(), tiny_data.splits["public"]
    crowd = torch_crowd(model, recipe.crop_px)(public.pixels)
    assert checkpoint.scores["public"] > 0.8
    assert (crowd.argmax(1) == (public.labels + 1) % 7).mean() > 0.8
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert rows[-1]["crowd_kl"] < rows[0]["crowd_kl"]
    assert rows[-1]["crowd_plurality"] > 0.8


def test_the_votes_do_not_touch_what_a_recipe_without_the_head_learns(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    checkpoint = fit(tiny_recipe, tiny_data, tmp_path)
    assert not [name for name in checkpoint.weights if "crowd" in name]


@pytest.mark.parametrize("with_head", [True, False])
def test_the_head_and_the_votes_are_only_taken_together(
    tiny_recipe: Recipe,
    crowd_recipe: Recipe,
    tiny_data: Fer2013,
    votes: dict[Split, FerPlus],
    tmp_path: Path,
    with_head: bool,
) -> None:
    recipe, given = (crowd_recipe, None) if with_head else (tiny_recipe, votes)
    with pytest.raises(DataError, match="--ferplus"):
        fit(recipe, tiny_data, tmp_path, votes=given)


def test_a_run_with_votes_goes_on_as_if_it_had_not_been_stopped(
    crowd_recipe: Recipe, tiny_data: Fer2013, votes: dict[Split, FerPlus], tmp_path: Path
) -> None:
    whole = fit(crowd_recipe, tiny_data, tmp_path / "whole", votes=votes)
    fit(crowd_recipe, tiny_data, tmp_path / "parts", votes=votes, max_steps=4)
    parts = fit(crowd_recipe, tiny_data, tmp_path / "parts", votes=votes, resume=True)
    for name, value in whole.weights.items():
        torch.testing.assert_close(value, parts.weights[name], rtol=0, atol=0)


def test_a_run_starts_from_a_network_without_the_head(
    tiny_recipe: Recipe,
    crowd_recipe: Recipe,
    tiny_data: Fer2013,
    votes: dict[Split, FerPlus],
    tmp_path: Path,
) -> None:
    first = fit(tiny_recipe, tiny_data, tmp_path / "first").weights
    start = load_initial_weights(tmp_path / "first" / "last.pt").both_heads()
    recipe = dataclasses.replace(crowd_recipe, learning_rate=1e-9)
    begun = fit(recipe, tiny_data, tmp_path / "second", votes=votes, start=start, max_steps=1)
    assert {*begun.weights} - {*first} == {"crowd_head.weight", "crowd_head.bias"}
    torch.testing.assert_close(begun.weights["head.weight"], first["head.weight"])
    torch.testing.assert_close(begun.weights["stem.weight"], first["stem.weight"])


def test_frozen_stages_keep_their_weights_and_statistics(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path
) -> None:
    recipe = dataclasses.replace(tiny_recipe, freeze_stages=2)
    torch.manual_seed(recipe.seed)
    before = ExpressionNet(recipe.architecture).state_dict()
    after = fit(recipe, tiny_data, tmp_path).weights
    frozen = ("stem", *(f"blocks.{i}." for i in range(4)))
    for name, value in after.items():
        same = torch.equal(value, before[name])
        assert same == name.startswith(frozen), name


def test_a_schedule_laid_over_time_ends_with_the_time_whatever_the_pace(
    tiny_recipe: Recipe, tiny_data: Fer2013, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 0.5
        return now[0]

    monkeypatch.setattr("trainer.training.loop.time.monotonic", clock)
    recipe = dataclasses.replace(tiny_recipe, schedule="cosine")
    seen: list[Progress] = []
    checkpoint = fit(recipe, tiny_data, tmp_path, minutes=1.0, report=seen.append)
    assert 60 <= checkpoint.scores["trained_s"] < 65
    assert seen[-1].learning_rate == pytest.approx(0, abs=1e-9)
    assert seen[-1].step == seen[-1].num_steps == checkpoint.step
    assert seen[0].learning_rate > seen[-2].learning_rate
    again = fit(recipe, tiny_data, tmp_path, minutes=1.0, resume=True)
    assert again.step == checkpoint.step


# evaluation


def test_a_model_whose_probabilities_are_the_votes_is_perfect_by_every_metric() -> None:
    votes = votes_of({"neutral": 7, "sadness": 3}, {"happiness": 10}, {"fear": 6, "NF": 4})
    counts = votes.ours()
    scores = score_crowd(logits_for(counts / counts.sum(1, keepdims=True)), votes)
    assert (scores.plurality, scores.strict, scores.top2) == (1, 1, 1)
    assert scores.kl == pytest.approx(0, abs=1e-6)
    assert scores.cosine == pytest.approx(1)
    assert scores.ece == pytest.approx(0, abs=1e-6)
    assert scores.recall["neutral"] == 1


def test_a_strict_majority_is_more_than_half_of_all_voters() -> None:
    votes = votes_of(
        {"neutral": 5, "sadness": 3, "fear": 2},  # a plurality that is no majority
        {"neutral": 6, "NF": 4},
        {"NF": 6, "neutral": 4},  # no truth among ours
    )
    neutral = np.zeros((3, 7))
    neutral[:, NEUTRAL] = 3
    scores = score_crowd(neutral, votes)
    assert (scores.plurality_faces, scores.strict_faces, scores.num_faces) == (2, 1, 3)
    assert (scores.plurality, scores.strict) == (1, 1)


def test_figures_against_the_votes_are_as_by_hand() -> None:
    votes = votes_of({"happiness": 8, "sadness": 2}, {"contempt": 9, "anger": 1}, {"unknown": 10})
    said = np.full((3, 7), 0.02)
    said[:, HAPPY], said[:, SAD] = 0.5, 0.4
    scores = score_crowd(logits_for(said), votes)
    assert (scores.num_faces, scores.num_votes) == (2, 11)  # one face has no vote for ours
    first = 0.8 * np.log(0.8 / 0.5) + 0.2 * np.log(0.2 / 0.4)
    assert scores.kl == pytest.approx((first + np.log(1 / 0.02)) / 2, abs=1e-6)
    nll = -(8 * np.log(0.5) + 2 * np.log(0.4) + np.log(0.02)) / 11
    assert scores.nll == pytest.approx(nll, abs=1e-6)
    # confidence 0.5 in each of 11 votes, of which 8 agree
    assert scores.ece == pytest.approx(abs(8 - 5.5) / 11, abs=1e-6)


def test_a_vote_is_right_or_wrong_by_itself() -> None:
    said = np.array([[0.7, 0.3, 0, 0, 0, 0, 0]])
    assert vote_calibration_error(said, np.array([[7.0, 3, 0, 0, 0, 0, 0]])) == pytest.approx(0)
    assert vote_calibration_error(said, np.array([[10.0, 0, 0, 0, 0, 0, 0]])) == pytest.approx(0.3)


def test_the_crowds_temperature_makes_its_confidence_that_of_single_votes() -> None:
    votes = votes_of(*[{"neutral": 7, "sadness": 3}] * 4)
    logits = np.full((4, 7), -60.0)
    logits[:, NEUTRAL], logits[:, SAD] = np.log(7), np.log(3)
    assert fit_crowd_temperature(logits, votes) == pytest.approx(1, abs=1e-3)
    assert fit_crowd_temperature(2 * logits, votes) == pytest.approx(2, abs=1e-3)


def test_faces_that_nobody_voted_for_cannot_be_evaluated() -> None:
    with pytest.raises(DataError, match="vote"):
        score_crowd(np.zeros((1, 7)), votes_of({"NF": 10}))


# the file


@dataclasses.dataclass(frozen=True)
class Files:
    model: Path
    twin: Path
    old: Path
    checkpoint: Checkpoint
    faces: Faces
    votes: dict[Split, FerPlus]
    figures: dict[str, Any]
    twin_figures: dict[str, Any]


def _voters(logits_NK: NDArray[np.float64]) -> FerPlus:
    """Many voters who share their votes as these logits say."""
    shares = np.exp(logits_NK) / np.exp(logits_NK).sum(axis=1, keepdims=True)
    counts = np.rint(10_000 * shares).astype(int).tolist()
    return votes_of(*(dict(zip(_PLACE, row, strict=True)) for row in counts))


def _checkpoint(recipe: Recipe) -> Checkpoint:
    torch.manual_seed(0)
    model = ExpressionNet(recipe.architecture)
    model.train()
    for _ in range(3):
        model(torch.rand(16, 1, 44, 44) * 255)
    return Checkpoint(recipe, 0, model.state_dict(), None, {}, "", "test")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(5)
    labels = np.arange(24, dtype=np.int64) % 7
    faces = Faces(rng.integers(0, 256, (24, 48, 48)).astype(np.uint8), labels)
    checkpoint = _checkpoint(Recipe(width=8, crowd_weight=1.0))
    said = torch_crowd(checkpoint.model(), 44)(faces.pixels)
    votes: dict[Split, FerPlus] = {"public": _voters(said / 2), "private": _voters(said / 4)}
    model, old, twin = folder / "two.onnx", folder / "old.onnx", folder / "two-int8.onnx"
    figures = export(checkpoint, Identity("two", "3"), faces, model, votes=votes, private=faces)
    export(_checkpoint(Recipe(width=8)), Identity("old", "2"), faces, old)
    twin_figures = quantize(model, twin, faces, faces, votes=votes)
    return Files(model, twin, old, checkpoint, faces, votes, figures, twin_figures)


def _outputs(path: Path, faces: Faces) -> dict[str, NDArray[np.float32]]:
    session = open_session(path)
    names = [output.name for output in session.get_outputs()]
    batch = faces.pixels[:, None].astype(np.float32)
    return dict(zip(names, session.run(names, {"faces": batch}), strict=True))


def _metadata(path: Path) -> dict[str, str]:
    return dict(open_session(path).get_modelmeta().custom_metadata_map)


def test_the_file_has_the_crowd_heads_logits_at_its_own_temperature(files: Files) -> None:
    temperature = float(_metadata(files.model)["crowd_temperature"])
    expected = torch_crowd(files.checkpoint.model(), 44, temperature)(files.faces.pixels)
    crowd = onnx_crowd(files.model)
    assert crowd is not None
    found = crowd(files.faces.pixels)
    # the file's weights are rounded to float16
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())
    assert temperature == pytest.approx(2, rel=0.05)
    assert fit_crowd_temperature(found, files.votes["public"]) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("which", ["model", "twin"])
def test_the_crowds_activation_sums_with_its_bias_to_its_logits(files: Files, which: str) -> None:
    path = getattr(files, which)
    said, bias = _outputs(path, files.faces), json.loads(_metadata(path)["crowd_cam_bias"])
    assert said["crowd_cam"].shape == (24, 7, 6, 6)
    sums = said["crowd_cam"].sum((2, 3)) + np.array(bias)
    np.testing.assert_allclose(sums, said["crowd"], atol=1e-3)
    for name in ("map_stride", "map_range"):
        assert "crowd_cam" in json.loads(_metadata(path)[name])


@pytest.mark.parametrize("which", ["model", "twin"])
def test_the_figures_in_the_file_are_of_this_file_and_of_both_heads(
    files: Files, which: str
) -> None:
    path = getattr(files, which)
    found = json.loads(_metadata(path)["crowd_accuracy"])
    crowd = onnx_crowd(path)
    assert crowd is not None
    heads = {"crowd": crowd, "labels": onnx_classifier(path)}
    for head, classify in heads.items():
        scores = score_crowd(classify(files.faces.pixels), files.votes["public"])
        assert found["public_test"][head] == json.loads(json.dumps(scores.as_table()))
    returned = files.figures if which == "model" else files.twin_figures
    assert returned["crowd"] == found
    assert ("private_test" in found) == (which == "model")


@pytest.mark.parametrize("which", ["model", "twin", "old"])
def test_the_app_opens_files_with_and_without_the_second_output(files: Files, which: str) -> None:
    path = getattr(files, which)
    classifier = OnnxClassifier(path, "cpu")
    (expression,) = classifier.classify(files.faces.pixels[:1].astype(np.float32))
    logits = _outputs(path, files.faces)["logits"][0]
    chances = np.exp(logits - logits.max())
    np.testing.assert_allclose(expression.probabilities, chances / chances.sum(), atol=1e-4)
    assert set(expression.maps) == {"attention", "attention_mid", "cam"}


def test_an_older_file_has_no_crowd_and_no_figures_of_it(files: Files) -> None:
    assert onnx_crowd(files.old) is None
    assert not [key for key in _metadata(files.old) if "crowd" in key]
    assert "would vote" not in write_card(facts_of(files.old, {}))


def test_the_card_has_both_heads_metrics_against_the_votes(files: Files) -> None:
    text = write_card(facts_of(files.model, {}))
    assert "## How people would vote" in text
    scores = files.figures["crowd"]["private_test"]["crowd"]
    assert f"{scores['kl']:.3f}" in text
    assert text.count("| PrivateTest | `crowd` |") == 2
    assert text.count("| PublicTest | `logits` |") == 2


def test_without_votes_a_model_with_a_crowd_head_is_not_exported(
    files: Files, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="--ferplus"):
        export(files.checkpoint, Identity("two", "3"), files.faces, tmp_path / "two.onnx")
    assert not list(tmp_path.iterdir())


def test_a_teacher_with_both_heads_sees_each_face_once(
    files: Files, tiny_data: Fer2013, tmp_path: Path
) -> None:
    recipe = Recipe(width=8, distill_view="flip", distill_temperature=2.0)
    said: list[str] = []
    common = (tiny_data, recipe, tmp_path, torch.device("cpu"), said.append)
    teacher = load_teacher(files.model, recipe)
    votes = teacher_probabilities([teacher], *common, crowd=True)
    labels = teacher_probabilities([teacher], *common)
    assert len(said) == 1  # the second truth comes from the same run
    pixels = tiny_data.splits["training"].pixels
    network = teacher.network()
    by_votes = view_logits(torch_crowd(network, 44), pixels, "flip")
    by_labels = view_logits(torch_classifier(network, 44), pixels, "flip")
    np.testing.assert_allclose(votes, softmax(by_votes), atol=1e-5)
    np.testing.assert_allclose(labels, softmax(by_labels / 2), atol=1e-5)
    assert np.abs(votes - labels).max() > 0.005


def test_training_goes_on_from_both_heads_of_a_file(files: Files) -> None:
    start = load_initial_weights(files.model)
    weights = files.checkpoint.model().state_dict()
    assert set(start.crowd) == {"crowd_head.weight", "crowd_head.bias"}
    for name, value in start.crowd.items():
        torch.testing.assert_close(value, weights[name], atol=2e-3, rtol=2e-3)
    assert "crowd_head.weight" not in start.weights
    assert load_initial_weights(files.old).crowd == {}


# the commands


@pytest.fixture
def small(rows: list[Row], write_csv: Callable[[Sequence[Row]], Path], tmp_path: Path) -> Path:
    """A small FER2013 and FER+ in one folder; voters see the label after FER2013's."""
    data = write_csv(rows)
    lines = [f"Usage,Image name,{','.join(CHOICES)}"]
    for label, _, usage in rows:
        face = {_PLACE[(label + 1) % 7]: 8, _PLACE[label]: 2}
        lines.append(f"{usage},x,{','.join(str(face.get(choice, 0)) for choice in CHOICES)}")
    (tmp_path / "fer2013new.csv").write_text("\n".join(lines) + "\n")
    return data


def test_a_model_is_trained_exported_and_evaluated_by_both_truths(
    small: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "looks.jsonl"
    monkeypatch.setattr("trainer.scoring.private_looks.PRIVATE_LOG", log)
    # the weights of two steps on seven faces
    monkeypatch.setattr("trainer.delivery.quantize.LEAST_AGREEMENT", 0.0)
    votes, data = ("--ferplus", tmp_path), ("--data", small, "--unofficial")
    code, _, said = run(
        "fit", *data, *votes, "--preset", "fast", "--out", tmp_path / "run", "--no-tensorboard",
        "--no-compile", "--no-bf16", "--max-steps", "2", "--set", "width=8", "--set", "batch=4",
        "--set", "crowd_weight=1",
    )  # fmt: skip
    assert code == 0, said
    model = tmp_path / "two.onnx"
    code, _, said = run(
        "export", tmp_path / "run" / "last.pt", *data, *votes, "--out", model, "--final"
    )
    assert code == 0, said
    look = json.loads(log.read_text())
    assert look["crowd_scores"]["crowd"]["num_faces"] == 7
    _no_second_look(run, model, data, votes, log)
    code, text, said = run("evaluate", model, *data, *votes, "--json")
    assert code == 0, said
    found = json.loads(text)["votes"]
    assert found["crowd"]["plurality_faces"] == found["labels"]["plurality_faces"] == 7
    assert found["crowd"] == json.loads(_metadata(model)["crowd_accuracy"])["public_test"]["crowd"]
    code, text, said = run("evaluate", model, *data, *votes)
    assert "FER+'s votes, one crop" in text


def _no_second_look(
    run: Run, model: Path, data: Sequence[object], votes: Sequence[object], log: Path
) -> None:
    """None by the file saved anew under another name, nor a second by its int8 twins."""
    anew, folder = onnx.load(model), model.parent
    for tensor in anew.graph.initializer:  # as a program that knows float32 alone would save it
        values = onnx.numpy_helper.to_array(tensor)
        wide = values.astype(np.float32) if values.dtype == np.float16 else values
        tensor.CopyFrom(onnx.numpy_helper.from_array(wide, f"w.{tensor.name}"))
    del anew.metadata_props[:]
    other = folder / "other.onnx"
    other.write_bytes(anew.SerializeToString())
    assert network_sha256(other) == network_sha256(model)
    assert log.read_text().count("\n") == 1
    for path in (model, other):
        with pytest.raises(DataError, match="once is allowed"):
            refuse_second_look_by_file(path, None)
    looking = ("--split", "private", "--final")
    code, _, said = run("evaluate", model, *data, *votes, *looking)
    assert code == 3
    assert "once is allowed" in " ".join(said.split())
    twin, again = folder / "twin.onnx", folder / "again.onnx"
    code, _, said = run("quantize", model, *data, *votes, "--out", twin, "--final")
    assert code == 0, said
    code, _, said = run("quantize", model, *data, *votes, "--out", again, "--final")
    assert code == 3
    assert "by an int8 twin of two.onnx" in " ".join(said.split())
    code, _, said = run("evaluate", twin, *data, *votes, *looking)
    assert code == 3, said
    assert log.read_text().count("\n") == 2


def test_a_bundled_model_saved_anew_is_known_by_its_weights(tmp_path: Path) -> None:
    """The looks of those that ship were logged before weights were."""
    for name in ("tiny", "tiny-int8"):
        bundled = models_folder() / f"{name}.onnx"
        log = tmp_path / f"{name}.jsonl"
        log_private({"sha256": file_sha256(bundled), "scores": {}}, log)
        anew = onnx.load(bundled)
        anew.doc_string = "mine"
        onnx.save(anew, tmp_path / "mine.onnx")
        with pytest.raises(DataError, match=r"weights of mine\.onnx"):
            refuse_second_look_by_file(tmp_path / "mine.onnx", None, log)
    with pytest.raises(DataError, match=r"int8 twin of tiny\.onnx"):
        refuse_second_look_by_twin(models_folder() / "tiny.onnx", tmp_path / "tiny-int8.jsonl")
    refuse_second_look_by_file(models_folder() / "fast.onnx", None, tmp_path / "tiny.jsonl")


def test_own_folders_have_no_votes(run: Run, tmp_path: Path) -> None:
    code, _, said = run("fit", "--folder", tmp_path, "--ferplus", tmp_path, "--out", tmp_path)
    assert code != 0
    assert "--ferplus" in said


def test_the_presets_are_recipes_of_one_head_unless_they_say_so() -> None:
    assert load_recipe("fast", []).architecture.crowd is False
    assert load_recipe("fast", ["crowd_weight=1"]).architecture.crowd is True
