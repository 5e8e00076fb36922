"""The lines of the docs for R and Octave, run by these programs; both are packages of Debian."""

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Maker = Callable[..., Path]
MARKERS = [(0.0, "T"), (0.5, 'film "A", 甲'), (0.8, "=1+1"), (1.6, "NA")]


def lines_for(language: str, folder: Path) -> str:
    docs = (Path(__file__).parents[2] / "docs" / "interchange.md").read_text("utf-8")
    code = re.search(rf"```{language}\n(.*?)```", docs, re.DOTALL)
    assert code is not None
    return code[1].replace("SESSION", str(folder))


def run(words: list[str], folder: Path) -> str:
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=folder, timeout=300, check=False
    )
    return done.stdout + done.stderr


@pytest.fixture
def session(make_session: Maker) -> Path:
    frames = [[(1, "happy"), (2, "neutral")]] * 10 + [[(1, "sad?")]] * 5 + [[]] * 5
    return make_session(frames + [[(2, "surprise")]] * 10, markers=MARKERS)


@pytest.mark.slow
def test_r_reads_a_session_in_the_lines_of_the_docs(session: Path, tmp_path: Path) -> None:
    more = """
cat("ROWS", nrow(rows), sum(is.na(rows$face_id)), sum(rows$t_s), "\\n")
cat("MARKERS", paste(rows$marker[!is.na(rows$marker)], collapse = "|"), "\\n")
cat("SHARES", shares["1", "happy"], shares["2", "surprise"], shares["2", "neutral"], "\\n")
cat("FIRST", sprintf("%.6f", rows$s_happy[1]), rows$width[1], rows$reason[1], "\\n")
"""
    (tmp_path / "lines.R").write_text(lines_for("r", session) + more, "utf-8")
    said = run(["Rscript", "--vanilla", "lines.R"], tmp_path)
    assert "ROWS 40 5 " in said
    assert 'MARKERS T|film "A", 甲|=1+1|NA' in said
    assert "SHARES 1 0.5 0.5" in said
    assert "FIRST 0.760000 60 NA" in said
    assert (tmp_path / "Rplots.pdf").exists()


@pytest.mark.slow
def test_octave_reads_a_session_in_the_lines_of_the_docs(session: Path, tmp_path: Path) -> None:
    more = """
printf("ROWS %d %d %.6f\\n", numel(rows.t_s), sum(isnan(rows.face_id)), rows.s_happy(1));
printf("MARKERS %s\\n", strjoin(rows.marker(! cellfun(@isempty, rows.marker))', "|"));
printf("LABELS %s\\n", strjoin(labels', "|")); printf("SHARES%s\\n", sprintf(" %g", shares));
"""
    (tmp_path / "read_session_lines.m").write_text(lines_for("octave", session) + more, "utf-8")
    said = run(["octave-cli", "--no-init-file", "read_session_lines.m"], tmp_path)
    assert "ROWS 40 5 0.760000" in said
    assert 'MARKERS T|film "A", 甲|=1+1|NA' in said
    assert "LABELS happy|neutral|surprise" in said
    assert "SHARES 1 0 0 0.5 0 0.5" in said
