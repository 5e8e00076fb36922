"""``ferdesk-train evaluate``: evaluate one model on one test, as a table, JSON or a folder."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from ferdesk.errors import DataError
from ferdesk.paths import cache_folder
from trainer.cli.options import Unofficial
from trainer.data.fer2013 import SPLITS, USAGE, Faces, Fer2013, Split, load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.data.jaffe import CROPS, JaffeCrop, load_jaffe
from trainer.data.near_duplicates import has_duplicate_in_training
from trainer.evaluation.figures import calibration, figures, is_correct, write_evaluation
from trainer.evaluation.gallery import most_confusing, write_gallery
from trainer.evaluation.predictions import Origin, Test, machine, predict, utc_now
from trainer.evaluation.predictors import Loaded, load_classifier
from trainer.recipes.config import as_table
from trainer.scoring.crowd_metrics import score_crowd
from trainer.scoring.evaluate import file_sha256, shift_of
from trainer.scoring.private_looks import log_private, network_sha256, refuse_second_look_by_file
from trainer.training.checkpoint import current_commit

_console = Console(stderr=True, highlight=False, markup=False, emoji=False)
_TITLES: dict[str, str] = {split: usage for usage, split in USAGE.items()}


def evaluate(
    model: Annotated[
        Path, typer.Argument(help="A checkpoint (.pt), exported model (.onnx) or SVMs (.npz).")
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="fer2013.csv, icml_face_data.csv or their folder, or the folder form."),
    ] = None,
    split: Annotated[str, typer.Option(help="training, public or private.")] = "public",
    jaffe: Annotated[
        Path | None, typer.Option(help="Evaluate on JAFFE instead: its folder or packed .npz.")
    ] = None,
    jaffe_crop: Annotated[str, typer.Option(help=f"{' or '.join(CROPS)}.")] = "paper",
    ferplus: Annotated[
        Path | None,
        typer.Option(help="FER+'s fer2013new.csv: also the agreement with its plurality labels."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for logits, figures, confusion matrix and reliability diagram."),
    ] = None,
    gallery: Annotated[
        bool,
        typer.Option("--gallery", help="Draw the most confident mistakes, into your cache folder."),
    ] = False,
    final: Annotated[
        bool, typer.Option("--final", help="Confirm the evaluation on PrivateTest; it is logged.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    unofficial: Unofficial = False,
) -> None:
    """Evaluate a model: accuracy by one crop, flip and ten crops, recall, F1 and calibration.

    With --out also the accuracy without near-duplicates of Training's faces, the logits and plots.
    """
    if (data is None) == (jaffe is None):
        raise typer.BadParameter("give --data for FER2013 or --jaffe for JAFFE, one of them.")
    if data is not None:
        if split not in SPLITS:
            raise DataError(f"There is no split {split!r}; there are {', '.join(SPLITS)}.")
        chosen: Split = next(name for name in SPLITS if name == split)
        if chosen == "private" and not final:
            raise DataError(
                "PrivateTest is for the final evaluation: tune on public, and add --final for the "
                "one evaluation that counts (it is logged)."
            )
        fer = load_fer2013(data, official=not unofficial)
        for note in fer.notes:
            _console.print(note, soft_wrap=True)
        table, faces, logits = _fer2013(model, fer, chosen, ferplus, out)
        title = _TITLES[chosen]
    else:
        assert jaffe is not None
        if jaffe_crop not in CROPS:
            raise typer.BadParameter(f"--jaffe-crop is one of {', '.join(CROPS)}.")
        crop: JaffeCrop = "face" if jaffe_crop == "face" else "paper"
        table, faces, logits = _jaffe(model, jaffe, crop, unofficial, out)
        title = "JAFFE"
    _print(table, title, as_json)
    if gallery:
        picture = cache_folder() / "confusing" / f"{model.stem}-{title.lower()}.png"
        write_gallery(faces, most_confusing(logits, faces.labels), picture)
        _console.print(f"Most confident mistakes: {picture}", soft_wrap=True)
    if out is not None:
        _console.print(f"Logits, figures and pictures: {out}", soft_wrap=True)


def _fer2013(
    model: Path, fer: Fer2013, split: Split, ferplus: Path | None, out: Path | None
) -> tuple[dict[str, object], Faces, NDArray[np.float32]]:
    # wrong input is refused before the minutes of work
    crowd = None if ferplus is None else load_ferplus(ferplus, fer)[split]
    loaded, faces = load_classifier(model), fer.splits[split]
    if len(faces) == 0:
        raise DataError("The split has no faces.")
    if split == "private":
        refuse_second_look_by_file(model, loaded.about.weights_sha256)
    shift_px = shift_of(loaded.crop_px)
    test: Test = "private" if split == "private" else "public"
    origin = _origin(model, loaded, test, fer.sha256, {"split": split})
    found = predict(loaded.classify, faces.pixels, shift_px, origin)
    table: dict[str, object] = {
        views: figures(logits, faces.labels).as_table() for views, logits in found.logits.items()
    }
    votes: dict[str, object] = {}
    if crowd is not None:
        heads: dict[str, NDArray[np.floating]] = {"labels": found.logits["one"]}
        if loaded.crowd is not None:
            heads["crowd"] = loaded.crowd(faces.pixels)
        votes = {
            head: score_crowd(logits.astype(np.float64), crowd).as_table()
            for head, logits in heads.items()
        }
    if split == "private":
        entry: dict[str, object] = {
            "what": "ferdesk-train evaluate", "file": model.name, "sha256": file_sha256(model),
            "commit": current_commit(), "scores": table,
        }  # fmt: skip
        if model.suffix == ".onnx":
            entry["network_sha256"] = network_sha256(model)
        if loaded.about.weights_sha256:
            entry["weights_sha256"] = loaded.about.weights_sha256
        log_private({**entry, "crowd_scores": votes} if votes else entry)
    public = fer.splits["public"]
    if split == "public":
        fit_logits: NDArray[np.floating] = found.logits["one"]
    else:
        fit_logits = loaded.classify(public.pixels)
    fit = (fit_logits, public.labels)
    each = calibration(found.logits["one"], faces.labels, *fit)
    table["calibration"] = {key: round(value, 4) for key, value in asdict(each).items()}
    correct = is_correct(found.logits["ten"], faces.labels)
    if crowd is not None:
        agreeing, clear = crowd.agreement(found.logits["ten"].argmax(axis=1))
        table["ferplus"] = {"agreement": round(agreeing / max(clear, 1), 4), "clear_faces": clear}
        table["votes"] = votes
    if out is not None:
        if split != "training":
            duplicates = has_duplicate_in_training(fer, split)
            table["without_copies"] = {
                "copies": int(duplicates.sum()),
                "accuracy": round(float(correct[~duplicates].mean()), 4),
            }
        extra: dict[str, object] = {
            key: table[key] for key in ("ferplus", "votes", "without_copies") if key in table
        }
        write_evaluation(out, f"{_TITLES[split]}, {model.name}", found, faces.labels, fit, extra)
    return table, faces, found.logits["ten"]


def _jaffe(
    model: Path, place: Path, crop: JaffeCrop, unofficial: bool, out: Path | None
) -> tuple[dict[str, object], Faces, NDArray[np.float32]]:
    """JAFFE by a model that was never trained on it: all pictures are evaluated."""
    loaded, jaffe = load_classifier(model), load_jaffe(place, crop, official=not unofficial)
    for note in jaffe.notes:
        _console.print(note, soft_wrap=True)
    origin = _origin(
        model, loaded, "jaffe-stratified", jaffe.sha256, {"crop": crop, "folds": "none, all judged"}
    )
    found = predict(loaded.classify, jaffe.faces.pixels, shift_of(loaded.crop_px), origin)
    table: dict[str, object] = {
        views: figures(logits, jaffe.faces.labels).as_table()
        for views, logits in found.logits.items()
    }
    if out is not None:
        write_evaluation(out, f"JAFFE ({crop}), {model.name}", found, jaffe.faces.labels, None)
    return table, jaffe.faces, found.logits["ten"]


def _origin(
    model: Path, loaded: Loaded, test: Test, data_sha256: str, details: dict[str, object]
) -> Origin:
    recipe = loaded.about.recipe
    return Origin(
        system=loaded.about.name,
        test=test,
        seed=0 if recipe is None else recipe.seed,
        selection="last",
        recipe={} if recipe is None else as_table(recipe),
        data_sha256=data_sha256,
        model_sha256=file_sha256(model),
        training_commit=loaded.about.commit,
        command="ferdesk-train evaluate",
        date=utc_now(),
        machine=machine(),
        details=details,
    )


def _print(table: dict[str, object], title: str, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(table, indent=2) + "\n")
        return
    console = Console(highlight=False)
    print_scores({name: table[name] for name in ("one", "flip", "ten")}, title)
    if isinstance(found := table.get("calibration"), dict):
        console.print(
            f"One crop: temperature {found['temperature']:.3f} from PublicTest; ECE "
            f"{found['ece_before']:.3f} before it, {found['ece_after']:.3f} after; NLL "
            f"{found['nll_before']:.3f}, {found['nll_after']:.3f}.",
            soft_wrap=True,
        )
    if isinstance(found := table.get("without_copies"), dict):
        console.print(
            f"Ten crops without the {found['copies']} near-duplicates of Training: "
            f"{100 * found['accuracy']:.2f} %.",
            soft_wrap=True,
        )
    if isinstance(found := table.get("ferplus"), dict):
        console.print(
            f"Ten crops, agreement with FER+'s plurality on its {found['clear_faces']} clear "
            f"faces: {100 * found['agreement']:.2f} %.",
            soft_wrap=True,
        )
    if isinstance(found := table.get("votes"), dict) and found:
        print_votes(found)


def print_votes(heads: dict[str, dict[str, Any]]) -> None:
    """Table of each head's metrics against FER+'s votes, one crop, on standard output."""
    table = Table(
        "head", "plurality", "strict majority", "top 2", "KL", "cosine", "ECE of votes", "recalls",
        title="FER+'s votes, one crop", title_justify="left",
    )  # fmt: skip
    for head, found in heads.items():
        table.add_row(
            head, f"{found['plurality']:.4f} of {found['plurality_faces']}",
            f"{found['strict']:.4f} of {found['strict_faces']}", f"{found['top2']:.4f}",
            f"{found['kl']:.4f}", f"{found['cosine']:.4f}", f"{found['ece']:.4f}",
            _recalls(found["recall"]),
        )  # fmt: skip
    Console(highlight=False).print(table)


def _recalls(recall: dict[str, float | None]) -> str:
    return " ".join(
        f"{label} {'-' if share is None else f'{share:.2f}'}" for label, share in recall.items()
    )


def print_scores(scores: dict[str, object], title: str = "") -> None:
    """Table of scores by kind of views, on standard output."""
    table = Table(
        "views", "accuracy", "95 % interval", "macro recall", "macro F1", "ECE", "NLL", "recalls",
        title=title or None, title_justify="left",
    )  # fmt: skip
    for views, found in scores.items():
        assert isinstance(found, dict)
        low, high = found["interval"]
        table.add_row(
            views, f"{found['accuracy']:.4f}", f"{low:.4f}-{high:.4f}",
            f"{found['macro_recall']:.4f}", f"{found['macro_f1']:.4f}", f"{found['ece']:.4f}",
            f"{found['nll']:.4f}", _recalls(found["recall"]),
        )  # fmt: skip
    Console(highlight=False).print(table)
