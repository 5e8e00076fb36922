"""``ferdesk-train data``: what it says, as text and as JSON, and the contract's exit codes."""

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ferdesk.core.geometry import Square
from ferdesk.core.labels import LABELS
from trainer.__main__ import main
from trainer.data import contact_sheet, face_crops
from trainer.data.ferplus import CHOICES
from trainer.data.jaffe import load_jaffe

Row = tuple[int, NDArray[np.uint8], str]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``ferdesk-train data`` with arguments; its exit code, stdout and stderr."""

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ferdesk-train", "data", *map(str, arguments)])
        code = 0
        try:
            main()
        except SystemExit as stop:
            code = stop.code if isinstance(stop.code, int) else 1
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture
def csv(write_csv: Callable[[Sequence[Row]], Path], rows: list[Row]) -> Path:
    """16 faces to train on; PublicTest has one of them again, under another label."""
    label, face, _ = rows[0]
    return write_csv([*rows, ((label + 1) % 7, face, "PublicTest")])


@pytest.fixture
def ferplus(csv: Path, tmp_path: Path) -> Path:
    """Six of ten voters agree with every label."""
    lines = [f"Usage,Image name,{','.join(CHOICES)}"]
    ours = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
    for line in csv.read_text().splitlines()[1:]:
        label, _, usage = line.split(",")
        votes = [6 if choice == ours[int(label)] else int(choice == "NF") for choice in CHOICES]
        lines.append(f"{usage},,{','.join(map(str, votes))}")
    path = tmp_path / "fer2013new.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def portraits(tmp_path: Path) -> Path:
    place = tmp_path / "portraits"
    place.mkdir()
    rng = np.random.default_rng(0)
    for serial, (person, code) in enumerate((p, c) for p in ("KA", "KL") for c in ("HA", "NE")):
        image = rng.integers(0, 256, (256, 256)).astype(np.uint8)
        Image.fromarray(image).save(place / f"{person}.{code}1.{serial}.tiff")
    return place


@pytest.fixture
def own(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for label in LABELS[:6]:
        (tmp_path / "own" / label).mkdir(parents=True)
        for i in range(6):
            image = rng.integers(0, 256, (48, 48)).astype(np.uint8)
            Image.fromarray(image).save(tmp_path / "own" / label / f"{i}.png")
    return tmp_path / "own"


def test_counts_and_copies_are_told(run: Run, csv: Path, tmp_path: Path) -> None:
    code, out, err = run("--data", csv, "--unofficial")
    assert (code, err) == (0, "")
    words = [line.split() for line in out.splitlines()]
    assert ["faces", *LABELS] in words
    assert ["Training", "16", "3", "3", "2", "2", "2", "2", "2"] in words
    assert ["PublicTest", "8", "1", "2", "1", "1", "1", "1", "1"] in words
    assert ["Training", "and", "PublicTest", "1", "1", "0", "1"] in words
    assert "1 of 8 PublicTest faces (12.5 %) have a near-duplicate in Training." in out
    assert max(map(len, out.splitlines())) < 200
    drawn = [
        Path(line.split(": ")[1]) for line in out.splitlines() if line.startswith("Contact sheet")
    ]
    assert len(drawn) == 2
    for path in drawn:
        assert path.is_relative_to(tmp_path / "cache")
        with Image.open(path) as image:
            assert image.width > 48


def test_pictures_that_show_nothing_are_counted(
    run: Run, rows: list[Row], write_csv: Callable[[Sequence[Row]], Path]
) -> None:
    black = np.zeros((48, 48), np.uint8)
    path = write_csv([*rows, (0, black, "Training"), (1, black, "PublicTest")])
    code, out, _ = run("--data", path, "--unofficial")
    assert code == 0
    assert "Blank pictures, all duplicates of each other: Training 1, PublicTest 1." in out


def test_the_same_as_json(run: Run, csv: Path, ferplus: Path) -> None:
    code, out, err = run("--data", csv, "--ferplus", ferplus, "--unofficial", "--json")
    assert (code, err) == (0, "")
    facts = json.loads(out)
    own = facts["fer2013"]
    assert own["splits"]["Training"]["faces"] == 16
    assert own["splits"]["PrivateTest"]["counts"] == dict.fromkeys(LABELS, 1)
    assert own["copies"]["pairs"]["Training-PublicTest"] == {
        "pairs": 1, "exact": 1, "mirrored": 0, "contradicting": 1,
    }  # fmt: skip
    assert own["copies"]["faces_with_a_copy_in_training"] == {
        "Training": 0, "PublicTest": 1, "PrivateTest": 0,
    }  # fmt: skip
    votes = facts["ferplus"]["PublicTest"]
    by_label = votes.pop("by_label")
    assert votes == {"faces": 8, "clear": 8, "agreeing": 8, "agreement": 1.0}
    assert by_label["disgust"] == {"agreeing": 2, "clear": 2}


def test_agreement_with_ferplus_is_told(run: Run, csv: Path, ferplus: Path) -> None:
    code, out, _ = run("--data", csv, "--ferplus", ferplus, "--unofficial")
    assert code == 0
    assert ["all", "31", "31", "31", "100.0", "%"] in [line.split() for line in out.splitlines()]


def test_jaffe_is_told_and_packed(
    run: Run, portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        face_crops, "find_squares", lambda images: [Square(60, 60, 128)] * len(images)
    )
    pack = tmp_path / "jaffe.npz"
    code, out, err = run("--jaffe", portraits, "--pack", pack, "--unofficial")
    assert (code, err) == (0, "")
    assert "2 women: KA 2, KL 2" in out
    assert "jaffe_crop = paper and face" in out
    assert load_jaffe(pack, "face", official=False).people == ("KA", "KA", "KL", "KL")
    assert run("--jaffe", pack, "--unofficial")[0] == 0


def test_where_faces_cannot_be_cut_the_papers_crop_is_there(
    run: Run, portraits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    pack = tmp_path / "jaffe.npz"
    code, out, err = run("--jaffe", portraits, "--pack", pack, "--unofficial")
    assert code == 0
    assert err.startswith("Note: Framing faces as the app does needs cv2")
    assert "jaffe_crop = paper." in out
    assert len(load_jaffe(pack, official=False).faces) == 4


def test_own_faces_are_told_with_what_is_odd_about_them(run: Run, own: Path) -> None:
    (own / "happy" / "broken.png").write_bytes(b"")
    code, out, err = run("--folder", own)
    assert code == 0
    assert "to train on" in out
    assert "held out" in out
    assert err.splitlines() == [
        f"Note: 1 picture in {own} cannot be read and is left out: happy/broken.png.",
        f"Note: {own} has no face for neutral; nothing new is learnt about them.",
    ]


def test_what_cannot_be_used_does_not_stop_the_rest(run: Run, own: Path, tmp_path: Path) -> None:
    code, out, err = run("--folder", own, "--jaffe", tmp_path / "absent")
    assert code == 1
    assert "to train on" in out
    assert err.startswith("Error: There is nothing at")
    code, out, err = run("--jaffe", tmp_path / "absent", "--folder", tmp_path / "gone", "--json")
    assert (code, json.loads(out)) == (3, {})
    assert err.count("Error: ") == err.count("\n") == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "--data, --jaffe or --folder"),
        (("--jaffe", "x", "--ferplus", "y"), "--ferplus goes with --data"),
        (("--data", "x", "--pack", "y"), "--pack goes with --jaffe"),
    ],
)
def test_options_that_do_not_fit_are_a_usage_error(
    run: Run, arguments: tuple[str, ...], complaint: str
) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert complaint in " ".join(err.replace("│", " ").split())


def test_no_sheet_is_drawn_into_a_checkout(
    run: Run, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Path(__file__).parents[2] == contact_sheet._CHECKOUT
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(contact_sheet, "_CHECKOUT", tmp_path)
    code, out, err = run("--folder", own)
    assert code == 0
    assert "Contact sheet" not in out
    assert "pictures of people must not get into it" in err
    assert list(tmp_path.rglob("sheet*")) == []
