"""Entry point of ``ferdesk-train`` and its export commands."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ferdesk.errors import EXIT_PARTIAL, EXIT_UNUSABLE, DataError, FerdeskError
from ferdesk.text_output import prepare_streams
from trainer.cli import (
    average,
    card,
    data,
    distill,
    evaluate,
    fit,
    folds,
    recipe_search,
    reproduce,
    robustness,
)
from trainer.data.fer2013 import Fer2013, load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.scoring import evaluate as evaluation
from trainer.scoring import private_looks
from trainer.training.checkpoint import current_commit, load_checkpoint, weights_sha256
from trainer.training.errors import TrainingStopped

app = typer.Typer(
    help="Train, evaluate and export ferdesk's networks on FER2013.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
# no markup: a path may hold brackets
errors = Console(
    stderr=True, highlight=False, markup=False, emoji=False,
    quiet=os.environ.get("RANK", "0") != "0",  # of torchrun's processes only the first one prints
)  # fmt: skip

DataOption = Annotated[
    Path,
    typer.Option(help="fer2013.csv, icml_face_data.csv or their folder, or the folder form."),
]
FerPlusOption = Annotated[
    Path | None,
    typer.Option("--ferplus", help="FER+'s fer2013new.csv, for a model with a crowd head."),
]
TenCrops = Annotated[
    bool, typer.Option(help="Evaluate by ten crops too, which takes ten times as long as by one.")
]
Unofficial = Annotated[
    bool, typer.Option(help="Accept other face counts than FER2013's official ones.")
]


app.command()(data.data)
app.command()(fit.fit)
app.command()(evaluate.evaluate)
app.command()(folds.folds)
app.command()(reproduce.reproduce)
app.command()(recipe_search.ladder)
app.command()(distill.distill)
app.command()(average.average)
app.command()(robustness.robustness)
app.command()(card.card)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="The checkpoint to export.")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="The .onnx file to write.")],
    name: Annotated[
        str | None, typer.Option(help="The model's name; by default the file's stem.")
    ] = None,
    version: Annotated[str, typer.Option("--model-version", help="The model's version.")] = "1",
    half_weights: Annotated[
        bool, typer.Option(help="Store weights as float16: half the size.")
    ] = True,
    int8: Annotated[
        bool, typer.Option("--int8", help="Also write its int8 twin, OUT with -int8 in the name.")
    ] = False,
    final: Annotated[
        bool, typer.Option("--final", help="Also evaluate PrivateTest, once; it is logged.")
    ] = False,
    ferplus: FerPlusOption = None,
    ten_crops: TenCrops = True,
    unofficial: Unofficial = False,
) -> None:
    """Export the ONNX file that the app opens, check it against the network, and evaluate it."""
    from trainer.delivery.export import Identity
    from trainer.delivery.export import export as write
    from trainer.delivery.quantize import quantize as write_int8

    if checkpoint.suffix == ".npz":
        raise DataError(
            f"{checkpoint} holds linear SVMs over handcrafted features, which have no ONNX graph; "
            "only networks can be exported. ferdesk-train evaluate works on it."
        )
    trained = load_checkpoint(checkpoint)
    weights = weights_sha256(trained.evaluated_weights())
    if final:
        private_looks.refuse_second_look(out.stem, version, weights_sha256=weights)
    loaded = _load_fer2013(data, unofficial)
    splits = loaded.splits
    votes = None if ferplus is None else load_ferplus(ferplus, loaded)
    figures = write(
        trained,
        Identity(name or out.stem, version),
        splits["public"],
        out,
        half_weights=half_weights,
        private=splits["private"] if final else None,
        votes=votes,
        ten_crops=ten_crops,
    )
    if final:
        _log_look("export", out, version, figures, weights_sha256=weights)
    if int8:
        twin = out.with_name(f"{out.stem}-int8.onnx")
        figures["int8"] = write_int8(
            out, twin, splits["training"], splits["public"],
            name=f"{name or out.stem}-int8", private=splits["private"] if final else None,
            votes=votes, ten_crops=ten_crops,
        )  # fmt: skip
        if final:
            _log_look("export", twin, version, figures["int8"], of=out)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


@app.command()
def quantize(
    model: Annotated[Path, typer.Argument(help="The exported float32 file (.onnx).")],
    data: DataOption,
    out: Annotated[Path, typer.Option(help="The int8 file to write.")],
    name: Annotated[
        str | None, typer.Option(help="The model's name; by default the file's stem.")
    ] = None,
    final: Annotated[
        bool, typer.Option("--final", help="Also evaluate PrivateTest, once; it is logged.")
    ] = False,
    ferplus: FerPlusOption = None,
    ten_crops: TenCrops = True,
    unofficial: Unofficial = False,
) -> None:
    """Quantise an exported file to int8, and evaluate it."""
    from trainer.delivery.quantize import quantize as write_int8

    version = evaluation.onnx_version(model)
    if final:
        private_looks.refuse_second_look(out.stem, version)
        private_looks.refuse_second_look_by_twin(model)
    loaded = _load_fer2013(data, unofficial)
    splits = loaded.splits
    figures = write_int8(
        model, out, splits["training"], splits["public"], name=name,
        private=splits["private"] if final else None,
        votes=None if ferplus is None else load_ferplus(ferplus, loaded),
        ten_crops=ten_crops,
    )  # fmt: skip
    if final:
        _log_look("quantize", out, version, figures, of=model)
    sys.stdout.write(json.dumps(figures, indent=2) + "\n")


def _log_look(
    what: str,
    path: Path,
    version: str,
    figures: object,
    *,
    weights_sha256: str = "",
    of: Path | None = None,
) -> None:
    """Log an evaluation of an exported file, or of a twin ``of`` it, on PrivateTest."""
    assert isinstance(figures, dict)
    entry = {
        "what": f"ferdesk-train {what}",
        "file": path.name,
        "version": version,
        "sha256": evaluation.file_sha256(path),
        "network_sha256": private_looks.network_sha256(path),
        "commit": current_commit(),
        "scores": figures["private_test"],
    }
    if of is not None:
        entry["of_network_sha256"] = private_looks.network_sha256(of)
    if weights_sha256:
        entry["weights_sha256"] = weights_sha256
    if "crowd" in figures:
        entry["crowd_scores"] = figures["crowd"]["private_test"]
    private_looks.log_private(entry)


def _load_fer2013(place: Path, unofficial: bool) -> Fer2013:
    """FER2013; its notes are printed on stderr."""
    loaded = load_fer2013(place, official=not unofficial)
    for note in loaded.notes:
        errors.print(f"Note: {note}", soft_wrap=True)
    return loaded


def main() -> None:
    """Run the command; known errors are one sentence on stderr and an exit code."""
    prepare_streams()
    try:
        app()
    except TrainingStopped as error:
        errors.print(str(error), soft_wrap=True)
        sys.exit(EXIT_PARTIAL)
    except FerdeskError as error:
        errors.print(f"Error: {error}", soft_wrap=True)
        sys.exit(EXIT_UNUSABLE)
    except OSError as error:  # a full disk, a folder that is not ours: the system's own words
        errors.print(f"Error: {error}.", soft_wrap=True)
        sys.exit(EXIT_UNUSABLE)
