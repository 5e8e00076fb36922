"""What keeps the project in order says the same everywhere, and can be read by who reads it."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from ferdesk.version import VERSION

CHECKOUT = Path(__file__).parents[2]
GITHUB = CHECKOUT / ".github"


def read(name: str) -> str:
    return (CHECKOUT / name).read_text(encoding="utf-8")


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads(read("pyproject.toml"))["project"]
    return table


def test_the_version_is_the_same_wherever_it_stands() -> None:
    assert project()["version"] == VERSION
    assert re.search(rf"^version: {re.escape(VERSION)}$", read("CITATION.cff"), re.M)
    assert f"## {VERSION}" in read("CHANGELOG.md")


def test_constraints_name_versions_and_no_address() -> None:
    lines = [line for line in read("constraints.txt").splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z0-9-]+==[0-9][\w.+]*", line) for line in lines), lines
    names = [line.partition("==")[0] for line in lines]
    assert len(names) == len(set(names))
    asked = {
        re.split(r"[\[<>=!~; ]", line)[0].lower().replace("_", "-")
        for line in project()["dependencies"]
    }
    # of this one no version was tried: Linux asks for none
    assert asked - set(names) <= {"cv2-enumerate-cameras"}


def test_the_workflows_try_all_three_systems_and_every_python() -> None:
    tests = read(".github/workflows/test.yml")
    for word in ("ubuntu", "windows", "macos", '"3.11"', '"3.12"', '"3.13"'):
        assert word in tests
    package = read(".github/workflows/package.yml")
    assert package.count("packaging/check.py") == 2
    for name in ("linux-x86_64", "linux-x86_64-cuda", "windows-x86_64", "macos-arm64"):
        assert f"name: {name}," in package


def test_who_reports_a_fault_is_asked_for_doctor() -> None:
    assert "ferdesk doctor --json" in read(".github/ISSUE_TEMPLATE/fault.yml")


def test_workflows_templates_and_hooks_can_be_parsed() -> None:
    yaml = pytest.importorskip("yaml", reason="the extra docs is not installed")
    files = [
        *GITHUB.rglob("*.yml"),
        CHECKOUT / ".pre-commit-config.yaml",
        CHECKOUT / "CITATION.cff",
        CHECKOUT / "mkdocs.yml",
    ]
    assert len(files) > 8
    for path in files:
        assert yaml.safe_load(path.read_text(encoding="utf-8")), path
    for path in (GITHUB / "workflows").glob("*.yml"):
        table = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert table["permissions"] == {"contents": "read"}, path
        for job in table["jobs"].values():
            assert "uses" in job or all({"uses", "run"} & set(step) for step in job["steps"])


def test_what_the_workflows_call_is_there() -> None:
    text = "".join(path.read_text("utf-8") for path in (GITHUB / "workflows").glob("*.yml"))
    for script in set(re.findall(r"(?:packaging|scripts|\.github)/\w+\.(?:py|md)", text)):
        assert (CHECKOUT / script).is_file(), script
    for target in set(re.findall(r"run: make ([a-z-]+)", text)):
        assert f"\n{target}:" in read("Makefile")


def test_the_desktop_entry_and_the_icons_belong_to_the_program() -> None:
    entry = read("packaging/linux/ferdesk.desktop")
    assert re.search(r"^Exec=ferdesk$", entry, re.M)
    assert re.search(r"^Icon=ferdesk$", entry, re.M)
    icons = CHECKOUT / "packaging" / "icons"
    assert (icons / "ferdesk.ico").read_bytes()[:4] == b"\0\0\1\0"
    assert (icons / "ferdesk.icns").read_bytes()[:4] == b"icns"
    assert (CHECKOUT / "assets" / "ferdesk.png").read_bytes()[1:4] == b"PNG"


def test_macos_says_what_the_camera_is_for() -> None:
    assert "NSCameraUsageDescription" in read("packaging/ferdesk.spec")
