"""The documentation builds as a site without a warning."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PAGES = [*CHECKOUT.glob("*.md"), *(CHECKOUT / "docs").rglob("*.md")]


@pytest.mark.timeout(300)
def test_the_site_builds_without_a_warning_and_asks_nobody(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    page = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    fetched = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', page)
    assert [address for address in fetched if "canonical" not in address] == []
    assert (tmp_path / "site" / "api" / "values.html").is_file()


def test_every_page_of_the_site_is_there_and_every_picture_is_used() -> None:
    nav = re.findall(r": ([\w/-]+\.md)$", (CHECKOUT / "mkdocs.yml").read_text("utf-8"), re.M)
    missing = [name for name in nav if not (CHECKOUT / "docs" / name).is_file()]
    assert missing == []
    text = "".join(page.read_text("utf-8") for page in PAGES)
    text += (CHECKOUT / "mkdocs.yml").read_text("utf-8")
    pictures = {path.name for path in (CHECKOUT / "docs" / "images").iterdir()}
    assert {name for name in pictures if name not in text} == set()


def test_every_file_of_ours_that_a_page_names_is_there() -> None:
    named = re.compile(
        r"`((?:ferdesk|trainer|tests|benchmarks|scripts|packaging|docs|assets)/[\w./-]+\.\w+)`"
    )
    written_by_commands = re.compile(r"LANGUAGE|^docs/results/(reproduction|ladder)/")
    missing = {
        f"{page.relative_to(CHECKOUT)}: {name}"
        for page in PAGES
        for name in named.findall(page.read_text("utf-8"))
        if not (CHECKOUT / name).exists() and not written_by_commands.search(name)
    }
    assert missing == set()


def test_every_link_of_the_pages_outside_the_site_leads_somewhere() -> None:
    link = re.compile(r"\]\((?!https?:|#|mailto:)([^)#\s]+)")
    missing = {
        f"{page.name}: {target}"
        for page in CHECKOUT.glob("*.md")
        for target in link.findall(page.read_text("utf-8"))
        if not (CHECKOUT / target).exists()
    }
    assert missing == set()


def test_the_readme_fits_one_screen() -> None:
    lines = (CHECKOUT / "README.md").read_text("utf-8").splitlines()
    assert len(lines) <= 50


def test_the_table_of_threads_is_the_program_s() -> None:
    named = re.compile(r'(?:name=|(?:ThreadPoolExecutor|Ahead)\([\w.]+, )"(ferdesk-[a-z-]+)"')
    started = {
        name
        for path in (CHECKOUT / "ferdesk").rglob("*.py")
        for name in named.findall(path.read_text("utf-8"))
    }
    # the engine's threads are named by a table
    started |= set(
        re.findall(r'"(ferdesk-[a-z-]+)"', (CHECKOUT / "ferdesk/runtime/run.py").read_text("utf-8"))
    )
    page = (CHECKOUT / "docs/contributing.md").read_text("utf-8")
    table = page.split("## Threads")[1].split("\n## ")[0]
    assert set(re.findall(r"`(ferdesk-[a-z-]+)`", table)) == started
    assert len(started) > 10
