"""Report of ``ferdesk-train data``: a data set's figures as plain values and as text."""

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from ferdesk.core.labels import LABELS
from ferdesk.errors import DataError
from trainer.data.contact_sheet import NUM_IN_ROW, Row, draw_sheet, rows_by_label
from trainer.data.fer2013 import USAGE, Faces, Fer2013, Split
from trainer.data.ferplus import FerPlus
from trainer.data.folder import FaceFolder
from trainer.data.jaffe import Jaffe, leave_one_out_folds
from trainer.data.near_duplicates import NearDuplicates, find_near_duplicates, have_different_labels

Facts = dict[str, Any]
_NAME_OF: dict[Split, str] = {split: usage for usage, split in USAGE.items()}


def fer2013_facts(place: Path, data: Fer2013) -> Facts:
    """Counts, near-duplicates and label conflicts of FER2013, and a contact sheet."""
    duplicates = find_near_duplicates(data)
    facts: Facts = {
        "path": str(place),
        "sha256": data.sha256,
        "splits": {_NAME_OF[s]: _counts(faces) for s, faces in data.splits.items()},
        "copies": _duplicate_facts(data, duplicates),
        "blank": {_NAME_OF[s]: _num_blank(faces) for s, faces in data.splits.items()},
        "notes": list(data.notes),
    }
    training = data.splits["training"]
    _add_sheet(facts, "sheet", rows_by_label(training), f"sheet-fer2013-{data.sha256[:16]}.png")
    rows = _contradicting_rows(data, duplicates)
    if rows:
        name = f"sheet-fer2013-contradicting-{data.sha256[:16]}.png"
        _add_sheet(facts, "sheet_of_contradictions", rows, name)
    return facts


def ferplus_facts(data: Fer2013, votes: Mapping[Split, FerPlus]) -> Facts:
    """Agreement with FER+: per split, faces with a clear plurality and matching labels."""
    facts = {}
    for split, own in votes.items():
        labels = data.splits[split].labels
        agreeing, clear = own.agreement(labels)
        facts[_NAME_OF[split]] = {
            "faces": len(own.votes),
            "clear": clear,
            "agreeing": agreeing,
            "agreement": round(agreeing / clear, 4) if clear else None,
            "by_label": {
                name: dict(zip(("agreeing", "clear"), _agreement(own, labels, i), strict=True))
                for i, name in enumerate(LABELS)
            },
        }
    return facts


def _agreement(votes: FerPlus, labels: NDArray[np.int64], label: int) -> tuple[int, int]:
    """Of the faces with FER2013's ``label``: how many agree, and how many are clear."""
    return FerPlus(votes.votes[labels == label]).agreement(labels[labels == label])


def jaffe_facts(place: Path, jaffe: Jaffe) -> Facts:
    """Counts of JAFFE per expression and per woman, and a contact sheet."""
    folds = leave_one_out_folds(jaffe.people)
    people = [jaffe.people[fold[0]] for fold in folds]
    facts: Facts = {
        "path": str(place),
        "sha256": jaffe.sha256,
        **_counts(jaffe.faces),
        "people": {name: len(fold) for name, fold in zip(people, folds, strict=True)},
        "notes": list(jaffe.notes),
    }
    rows = [
        (name, jaffe.faces.pixels[fold]) for name, fold in zip(people, folds, strict=True)
    ]  # fmt: skip
    _add_sheet(facts, "sheet", rows, f"sheet-jaffe-{jaffe.sha256[:16]}.png")
    return facts


def folder_facts(place: Path, folder: FaceFolder) -> Facts:
    """Counts of a user's folder, training and held-out faces, and a contact sheet."""
    facts: Facts = {
        "path": str(place),
        "sha256": folder.sha256,
        "training": _counts(folder.training),
        "held_out": _counts(folder.validation),
        "notes": list(folder.notes),
    }
    _add_sheet(facts, "sheet", rows_by_label(folder.faces), f"sheet-{folder.sha256[:16]}.png")
    return facts


def _counts(faces: Faces) -> Facts:
    return {"faces": len(faces), "counts": faces.counts()}


def _num_blank(faces: Faces) -> int:
    """Number of blank pictures, of one grey value."""
    return int((faces.pixels.min(axis=(1, 2)) == faces.pixels.max(axis=(1, 2))).sum())


def _duplicate_facts(data: Fer2013, duplicates: NearDuplicates) -> Facts:
    differing = have_different_labels(data, duplicates)
    pairs = {}
    for first, second in itertools.combinations_with_replacement(duplicates.splits, 2):
        own = duplicates.between(first, second)
        name = _NAME_OF[first]
        pairs[name if first == second else f"{name}-{_NAME_OF[second]}"] = {
            "pairs": int(own.sum()),
            "exact": int((own & duplicates.exact).sum()),
            "mirrored": int((own & duplicates.mirrored).sum()),
            "contradicting": int((own & differing).sum()),
        }
    return {
        "pairs": pairs,
        "faces_with_a_copy_in_training": {
            _NAME_OF[split]: int(duplicates.have_duplicate_in(split, "training").sum())
            for split in duplicates.splits
            if "training" in duplicates.splits
        },
    }


def _contradicting_rows(data: Fer2013, duplicates: NearDuplicates) -> list[Row]:
    """Sheet rows of near-duplicates with two labels, one below the other."""
    pixels = np.concatenate([data.splits[split].pixels for split in duplicates.splits])
    labels = np.concatenate([data.splits[split].labels for split in duplicates.splits])
    pairs = duplicates.pairs[have_different_labels(data, duplicates)]
    by_labels: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b in pairs.tolist():
        first, second = sorted((a, b), key=lambda row: int(labels[row]))
        by_labels.setdefault((int(labels[first]), int(labels[second])), []).append((first, second))
    rows: list[Row] = []
    for (one, other), own in sorted(by_labels.items()):
        shown = np.array(own[:NUM_IN_ROW])
        rows += [(LABELS[one], pixels[shown[:, 0]]), (f"  = {LABELS[other]}", pixels[shown[:, 1]])]
    return rows


def _add_sheet(facts: Facts, key: str, rows: list[Row], name: str) -> None:
    """Draw a sheet and record its path, or why there is none."""
    try:
        facts[key] = str(draw_sheet(rows, name))
    except DataError as error:
        facts["notes"].append(str(error))


def show(facts: Facts, console: Console) -> None:
    """Print the figures: ruled tables on a terminal, plain columns in a pipe or file."""
    if "fer2013" in facts:
        _show_fer2013(facts["fer2013"], console)
    if "ferplus" in facts:
        _show_ferplus(facts["ferplus"], console)
    if "jaffe" in facts:
        _show_jaffe(facts["jaffe"], console)
    if "folder" in facts:
        own = facts["folder"]
        _heading(console, "Own faces", own)
        _show_counts(console, {"to train on": own["training"], "held out": own["held_out"]})
        _show_sheets(console, own)


def _show_fer2013(facts: Facts, console: Console) -> None:
    _heading(console, "FER2013", facts)
    _show_counts(console, facts["splits"])
    table = _table(console, "near-duplicates", "pairs", "exact", "mirrored", "other label")
    for name, own in facts["copies"]["pairs"].items():
        where = f"{name.replace('-', ' and ')}" if "-" in name else f"within {name}"
        table.add_row(where, *(f"{own[k]:,}" for k in ("pairs", "exact", "mirrored")),
                      f"{own['contradicting']:,}")  # fmt: skip
    console.print(table)
    for name, num in facts["copies"]["faces_with_a_copy_in_training"].items():
        of = facts["splits"][name]["faces"]
        whose = "another" if name == "Training" else "a"
        console.print(
            f"{num:,} of {of:,} {name} faces ({_percent(num, of)}) have {whose} near-duplicate in "
            "Training.",
            soft_wrap=True,
        )
    blank = {name: num for name, num in facts["blank"].items() if num}
    if blank:
        counted = ", ".join(f"{name} {num}" for name, num in blank.items())
        console.print(f"Blank pictures, all duplicates of each other: {counted}.", soft_wrap=True)
    _show_sheets(console, facts)


def _show_ferplus(facts: Facts, console: Console) -> None:
    console.print(
        "FER+: agreement of FER2013's labels with the plurality of FER+'s voters", style="bold"
    )
    table = _table(console, "", "faces", "clear plurality", "agreeing", "share")
    total = {key: sum(own[key] for own in facts.values()) for key in ("faces", "clear", "agreeing")}
    for name, own in {**facts, "all": total}.items():
        table.add_row(
            name, f"{own['faces']:,}", f"{own['clear']:,}", f"{own['agreeing']:,}",
            _percent(own["agreeing"], own["clear"]),
        )  # fmt: skip
    console.print(table)
    shares = []
    for label in LABELS:
        own = [split["by_label"][label] for split in facts.values()]
        share = _percent(sum(o["agreeing"] for o in own), sum(o["clear"] for o in own))
        shares.append(f"{label} {share}")
    console.print(f"Agreeing, by FER2013's label: {', '.join(shares)}", soft_wrap=True)
    console.print()


def _show_jaffe(facts: Facts, console: Console) -> None:
    _heading(console, "JAFFE", facts)
    _show_counts(console, {"portraits": facts})
    people = ", ".join(f"{name} {num}" for name, num in facts["people"].items())
    console.print(f"{len(facts['people'])} women: {people}", soft_wrap=True)
    if "crops" in facts:
        console.print(f"Faces are ready for jaffe_crop = {' and '.join(facts['crops'])}.")
    if "pack" in facts:
        console.print(f"Packed in {facts['pack']}", soft_wrap=True)
    _show_sheets(console, facts)


def _heading(console: Console, name: str, facts: Facts) -> None:
    text = f"{name}: {facts['path']} (sha256 {facts['sha256'][:12]})"
    console.print(text, style="bold", soft_wrap=True)


def _show_counts(console: Console, rows: Mapping[str, Facts]) -> None:
    table = _table(console, "", "faces", *LABELS)
    for name, own in rows.items():
        table.add_row(name, f"{own['faces']:,}", *(f"{own['counts'][k]:,}" for k in LABELS))
    console.print(table)


def _show_sheets(console: Console, facts: Facts) -> None:
    if "sheet" in facts:
        console.print(f"Contact sheet: {facts['sheet']}", soft_wrap=True)
    if "sheet_of_contradictions" in facts:
        path = facts["sheet_of_contradictions"]
        console.print(f"Contact sheet of near-duplicates with two labels: {path}", soft_wrap=True)
    console.print()


def _table(console: Console, first: str, *columns: str) -> Table:
    table = Table(box=SIMPLE if console.is_terminal else None, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True)
    return table


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
