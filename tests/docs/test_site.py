"""The documentation builds as a site without a warning."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None, reason="the extra docs is not installed"
)
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
    pages = [CHECKOUT / "README.md", *(CHECKOUT / "docs").rglob("*.md")]
    text = "".join(page.read_text("utf-8") for page in pages)
    text += (CHECKOUT / "mkdocs.yml").read_text("utf-8")
    pictures = {path.name for path in (CHECKOUT / "docs" / "images").iterdir()}
    assert {name for name in pictures if name not in text} == set()
