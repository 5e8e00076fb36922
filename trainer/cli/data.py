"""``ferdesk-train data``: check data sets, count, find near-duplicates, draw sheets."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, TypeVar

import typer
from rich.console import Console

from ferdesk.errors import EXIT_PARTIAL, EXIT_UNUSABLE, DataError
from trainer.data import report
from trainer.data.fer2013 import load_fer2013
from trainer.data.ferplus import load_ferplus
from trainer.data.folder import load_folder
from trainer.data.jaffe import CROPS, JaffeCrop, load_jaffe, pack_jaffe

Loaded = TypeVar("Loaded")


def data(
    data: Annotated[
        Path | None,
        typer.Option(help="FER2013: fer2013.csv, icml_face_data.csv, their folder, or pictures."),
    ] = None,
    jaffe: Annotated[
        Path | None, typer.Option(help="JAFFE: the folder of its .tiff files, or a packed .npz.")
    ] = None,
    ferplus: Annotated[
        Path | None, typer.Option(help="FER+: fer2013new.csv or its folder; goes with --data.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(help="Your own face crops: a folder with one subfolder per label."),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(help="Write JAFFE's faces to this .npz, which --jaffe takes elsewhere."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on standard output.")] = False,
    unofficial: Annotated[
        bool, typer.Option(help="Accept other counts than FER2013's and JAFFE's own.")
    ] = False,
) -> None:
    """Check data sets: counts, near-duplicates, agreement with FER+, contact sheets.

    Contact sheets show people, so they are written into this user's cache folder only.
    """
    if data is None and jaffe is None and folder is None:
        raise typer.BadParameter("give --data, --jaffe or --folder.")
    if ferplus is not None and data is None:
        raise typer.BadParameter("--ferplus goes with --data: its votes are for FER2013's rows.")
    if pack is not None and jaffe is None:
        raise typer.BadParameter("--pack goes with --jaffe: it is JAFFE that is packed.")
    run = _Run(quiet=as_json)
    if data is not None:
        loaded = run.attempt(lambda: load_fer2013(data, official=not unofficial))
        if loaded is not None:
            with run.waiting("Searching near-duplicates; the first time takes a minute or two"):
                run.add("fer2013", report.fer2013_facts(data, loaded))
            if ferplus is not None:
                votes = run.attempt(lambda: load_ferplus(ferplus, loaded))
                if votes is not None:
                    run.add("ferplus", report.ferplus_facts(loaded, votes))
    if jaffe is not None:
        with run.waiting("Cutting JAFFE's faces"):
            facts = run.attempt(lambda: _jaffe(jaffe, pack, unofficial))
        if facts is not None:
            run.add("jaffe", facts)
    if folder is not None:
        own = run.attempt(lambda: load_folder(folder))
        if own is not None:
            run.add("folder", report.folder_facts(folder, own))
    if as_json:
        sys.stdout.write(json.dumps(run.facts, indent=2) + "\n")
    else:
        report.show(run.facts, Console(highlight=False, markup=False, emoji=False))
    if run.num_failed:
        raise typer.Exit(EXIT_PARTIAL if run.facts else EXIT_UNUSABLE)


def _jaffe(place: Path, pack: Path | None, unofficial: bool) -> report.Facts:
    """JAFFE's figures; both crops are cut into the cache where that is possible here."""
    portraits = load_jaffe(place, "paper", official=not unofficial)
    crops: list[JaffeCrop] = []
    notes: dict[str, None] = {}  # each once, in order
    for crop in CROPS:
        try:
            notes |= dict.fromkeys(load_jaffe(place, crop, official=not unofficial).notes)
            crops.append(crop)
        except DataError as error:
            notes[str(error)] = None
    facts = report.jaffe_facts(place, portraits)
    facts |= {"crops": crops, "notes": [*notes, *facts["notes"]]}
    if pack is not None:
        try:
            pack_jaffe(place, pack, crops, official=not unofficial)
        except OSError as error:
            raise DataError(f"{pack} cannot be written: {error}.") from error
        facts["pack"] = str(pack)
    return facts


class _Run:
    """Figures so far, and the number of data sets that could not be used."""

    def __init__(self, *, quiet: bool) -> None:
        self.facts: dict[str, report.Facts] = {}
        self.num_failed = 0
        self._errors = Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._quiet = quiet

    def attempt(self, load: Callable[[], Loaded]) -> Loaded | None:
        """Result of ``load``; where it fails, the error is printed and None returned."""
        try:
            return load()
        except DataError as error:
            self.num_failed += 1
            self._errors.print(f"Error: {error}", soft_wrap=True)
            return None

    def add(self, name: str, facts: report.Facts) -> None:
        self.facts[name] = facts
        if not self._quiet:
            for note in facts.get("notes", ()):
                self._errors.print(f"Note: {note}", soft_wrap=True)

    def waiting(self, what: str) -> AbstractContextManager[object]:
        """Status on a terminal during a long step."""
        return self._errors.status(f"{what} ...")
