"""The card says what was measured on this very file, and what was not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ferdesk.paths import models_folder
from tests.trainer.conftest import Run
from trainer.data.fer2013 import Faces
from trainer.delivery import card as module
from trainer.delivery.card import CLASS_COUNTS, Facts, count_macs, facts_of, write_card
from trainer.delivery.export import Identity, export
from trainer.delivery.measurements import add_figures
from trainer.delivery.quantize import quantize
from trainer.evaluation.corruptions import CORRUPTIONS
from trainer.models.network import ExpressionNet
from trainer.recipes.config import Recipe
from trainer.training.checkpoint import Checkpoint

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(width=8)
    torch.manual_seed(0)
    network = ExpressionNet(recipe.architecture)
    rng = np.random.default_rng(5)
    pixels = rng.integers(0, 256, (14, 48, 48)).astype(np.uint8)
    faces = Faces(pixels, np.arange(14, dtype=np.int64) % 7)
    path = tmp_path_factory.mktemp("models") / "small.onnx"
    checkpoint = Checkpoint(recipe, 0, network.state_dict(), None, {}, "", "c0ffee")
    export(checkpoint, Identity("small", "7"), faces, path)
    return path


def _macs(width: int, side: int) -> int:
    """By hand: 3x3 convolutions, 1x1 shortcuts, 7x7 attention, both MLP passes, cam."""
    total, channels_in, size = width * 9 * side * side, width, side
    for stage in range(4):
        channels = width * 2**stage
        if stage:
            size = -(-size // 2)
            total += channels_in * channels * size * size
        total += channels_in * channels * 9 * size * size + 3 * channels * channels * 9 * size**2
        total += 2 * (2 * 49 * size * size + 2 * 2 * channels * max(channels // 16, 4))
        channels_in = channels
    return total + 7 * channels_in * size * size


def test_the_work_of_a_face_is_counted_as_by_hand(model: Path) -> None:
    assert count_macs(model) == pytest.approx(_macs(8, 44), rel=1e-3)


def test_the_twins_work_is_its_sources(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    faces = Faces(
        rng.integers(0, 256, (14, 48, 48)).astype(np.uint8), np.arange(14, dtype=np.int64) % 7
    )
    twin = tmp_path / "small-int8.onnx"
    quantize(model, twin, faces, faces)
    assert count_macs(twin) == pytest.approx(count_macs(model), rel=1e-3)
    assert "the twin of `small`" in " ".join(write_card(facts_of(twin, {})).split())


def test_a_card_without_measurements_says_so_and_names_the_commands(model: Path) -> None:
    text = " ".join(write_card(facts_of(model, {})).split())
    assert text.count("Not measured on this file yet") == 4
    for command in ("robustness", "benchmarks/framing.py", "benchmarks/portraits.py"):
        assert command in text
    assert "PrivateTest was not looked at by this file." in text
    assert "not** for decisions about people" in text
    assert "c0ffee" in text


def _section(**values: Any) -> dict[str, Any]:
    about = {"command": "x", "date": "2026-01-02", "commit": "abc", "machine": "a machine"}
    return {**about, **values}


def test_a_card_tells_each_figure_with_its_interval(model: Path) -> None:
    share = {"accuracy": 0.5, "interval": [0.4, 0.6]}
    ways = [
        {
            "way": each.name,
            "strength_is": each.what,
            "strengths": [{"strength": s, **share, "change": -0.1} for s in each.strengths],
        }
        for each in CORRUPTIONS
    ]
    steady = {"changes": 0.031, "interval": [0.02, 0.04], "never": 0.6}
    figures = {
        "robustness": _section(num_faces=3589, clean=share, ways=ways),
        "steadiness": _section(
            num_faces=300, shift=0.06, scale=0.08, rotation_deg=6.0, frames_per_s=30.0,
            num_frames=60, moving=steady, jumping=steady,
        ),
        "live_gap": _section(
            rows=[
                {
                    "search": "as the window does", "num_faces": 500, "found": 0.9,
                    "interval": [0.87, 0.92], "accuracy_through_app": 0.67,
                    "accuracy_directly": 0.68,
                }
            ]
        ),
        "jaffe": _section(
            num_pictures=213, found=210, recall={"happy": 0.9, "fear": None}, **share
        ),
    }  # fmt: skip
    facts = facts_of(model, figures)
    text = " ".join(write_card(facts).split())
    assert "All of PublicTest, one crop, the network alone; 50.0 % (40.0 to 60.0)" in text
    assert "| blur | Gaussian of so many pixels of 48 | 0.75: 50.0 % (-10.0) |" in text
    assert "changes in 3.1 % (2.0 to 4.0) of the frames, and never on 60 %" in text
    assert "| as the window does | 500 | 90.0 % (87.0 to 92.0) | 67.0 % | 68.0 % | -1.0 |" in text
    assert "Found 210; right of the found ones 50.0 % (40.0 to 60.0). Recalls: happy 90 %" in text
    assert "Not measured" not in text
    together = "robustness, steadiness, live gap, jaffe"
    assert f"- {together}: `x`, 2026-01-02, commit `abc`, a machine" in text


def test_prose_keeps_to_the_line(model: Path) -> None:
    for line in write_card(facts_of(model, {})).splitlines():
        assert len(line) <= 120 or line.startswith("|")


def test_recalls_have_intervals_where_the_split_is_the_official_one(model: Path) -> None:
    found = {
        "num_faces": 3589, "accuracy": 0.7, "interval": [0.68, 0.72], "macro_recall": 0.65,
        "recall": {"disgust": 0.6}, "ece": 0.02, "nll": 0.8,
    }  # fmt: skip
    meta = {
        **facts_of(model, {}).metadata,
        "accuracy": json.dumps({"private_test": {"one_crop": found}}),
    }
    text = write_card(Facts("a.onnx", "0", 1, 0.1, meta))
    assert "| disgust | 60.0 % (46.8 to 71.9) | 55 |" in text
    assert "| happy | - |  |" in text


def test_looks_at_private_test_are_told_also_from_before_the_notes_were_taken_out(
    model: Path, tmp_path: Path
) -> None:
    sha256 = facts_of(model, {}).sha256
    lines = [
        {
            "date": "2026-01-01T10:00",
            "what": "export",
            "sha256": "old",
            "commit": "c1",
            "scores": {},
        },
        {"date": "2026-01-02T10:00", "what": "export", "sha256": "other", "scores": {}},
        {"date": "2026-01-03T10:00", "what": "no look", "sha256_before": "old", "sha256": sha256},
    ]
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    text = " ".join(write_card(facts_of(model, {}, log)).split())
    assert "Looks at PrivateTest by these weights: 2026-01-01 by `export`, commit `c1`." in text


def test_the_counts_are_the_official_splits() -> None:
    file = models_folder() / "fast.onnx"
    if not file.is_file():
        pytest.skip("no model ships in this checkout")
    figures = json.loads(facts_of(file, {}).metadata["accuracy"])
    for split, counts in CLASS_COUNTS.items():
        found = figures[split]["one_crop"]
        hits = [
            share * count for share, count in zip(found["recall"].values(), counts, strict=True)
        ]
        assert hits == pytest.approx([round(each) for each in hits], abs=0.05)
        assert sum(map(round, hits)) == round(found["accuracy"] * 3589)


def test_the_command_writes_the_card_beside_the_model(
    model: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer.cli import card

    monkeypatch.setattr(card, "PRIVATE_LOG", tmp_path / "none.jsonl")
    code, _, said = run("card", model)
    assert code == 0
    assert str(model.with_suffix(".md")) in said
    assert model.with_suffix(".md").read_text("utf-8").startswith("# small\n")
    figures = tmp_path / "figures.json"
    code, _, said = run("card", model, "--figures", figures)
    assert code == 3
    assert said.startswith("Error: There are no figures")
    other = tmp_path / "other.onnx"
    other.write_bytes(b"x")
    add_figures(figures, other, "speed", "bench", {"ms": 1})
    code, _, said = run("card", model, "--figures", figures)
    assert code == 3
    assert "measured on another file" in said
    code, _, said = run("card", tmp_path / "last.pt")
    assert code == 3
    assert "is no exported model" in said


def test_every_expression_is_counted_in_both_splits() -> None:
    assert {sum(counts) for counts in module.CLASS_COUNTS.values()} == {3589}
