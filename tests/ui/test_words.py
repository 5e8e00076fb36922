"""Words: the window speaks the field's language, one word for one thing, in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from ferdesk.ui.kit.language import install_language, label_text, tr

_ROOT = Path(__file__).parents[2] / "ferdesk"
_ROOMS = [
    *(_ROOT / "ui" / room for room in ("kit", "live", "learning", "preferences", "shell")),
    _ROOT / "app.py",
]
_BANNED = (
    "unsure",
    "cutting out",
    "as it likes",
    "pictures a second",
    "judge",
    "judging",
    "logit",
    "speaks for",
    "out of sight",
    "come nearer",
    "goes on",
    "mends",
    "a network's",
    "the network's",
    "is the zero",
    "stored faces",
    "does not run",
    "gives nothing",
    "kept nowhere",
    "rows are saved",
    "is back",
    "its cable",
    "stands around",
    "nothing but",
    "being made ready",
    "as the system",
    "as it is",
    "all keys",
    "chosen face",
)
"""What the window said in its own language once, or what only the makers say."""


def _literals(path: Path) -> Iterator[tuple[int, str]]:
    """The translatable literals of a module with their lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        first = node.args[0]
        if name in {"tr", "mark", "translatable"} and isinstance(first, ast.Constant):
            yield node.lineno, str(first.value)


def _modules() -> list[Path]:
    return [path for room in _ROOMS for path in ([room] if room.is_file() else room.glob("*.py"))]


def test_no_text_of_the_window_is_in_the_old_words() -> None:
    found = [
        f"{path.name}:{line}: {text}"
        for path in _modules()
        for line, text in _literals(path)
        for word in _BANNED
        if re.search(rf"\b{re.escape(word)}\b", text, re.IGNORECASE)
    ]
    assert not found


def test_texts_are_found_where_they_are_looked_for() -> None:
    """The test above would pass with nothing to read."""
    texts = {text for path in _modules() for _, text in _literals(path)}
    assert len(texts) > 150
    assert {"Confidence threshold", "Camera default", "Low confidence: {label}"} <= texts


@pytest.fixture
def chinese(qapp: QApplication) -> Iterator[None]:
    install_language(qapp, "zh_CN")
    yield
    install_language(qapp, "en")


@pytest.mark.usefixtures("chinese")
@pytest.mark.parametrize(
    ("english", "chinese_text"),
    [
        ("Low confidence: {label}", "低置信度：{label}"),  # noqa: RUF001
        ("Confidence threshold", "置信度阈值"),
        ("Frame rate", "帧率"),
        ("Neutral baseline progress", "中性基线采集进度"),
    ],
)
def test_the_terms_of_the_field_are_chinese_too(english: str, chinese_text: str) -> None:
    assert tr(english) == chinese_text


@pytest.mark.usefixtures("chinese")
def test_each_label_has_its_own_chinese_word() -> None:
    from ferdesk.core.labels import LABELS

    words = [label_text(label) for label in LABELS]
    assert len(set(words)) == len(LABELS)
    assert not set(words) & set(LABELS)
