"""The window's texts: all found, all translated, and shown in the language that is chosen."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PySide6.QtCore import QLocale, QTranslator
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from ferdesk.core.labels import LABELS
from ferdesk.errors import SourceError
from ferdesk.messages import translatable
from ferdesk.ui.kit.language import (
    install_language,
    label_text,
    rows_text,
    tr,
    translated,
    translations_folder,
    wanted_language,
)
from ferdesk.ui.shell.main_window import MainWindow
from tests.ui.fakes import FakeServices, FakeSource

ROOT = Path(__file__).parents[2]
GAP = re.compile(r"\{\w*(?:[:!][^}]*)?\}|%n")


@pytest.fixture
def chinese() -> Iterator[None]:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    install_language(app, "zh_CN")
    yield
    install_language(app, "en")


def messages(language: str) -> list[ElementTree.Element]:
    tree = ElementTree.parse(translations_folder() / f"ferdesk_{language}.ts")
    return list(tree.iter("message"))


def forms(message: ElementTree.Element) -> list[str]:
    numerus = [form.text or "" for form in message.iter("numerusform")]
    return numerus or [message.findtext("translation", "")]


def literals() -> set[str]:
    """The literals given to ``tr``, ``mark`` and ``say`` anywhere in the window's code."""
    found = set()
    for path in (ROOT / "ferdesk").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.args else None
                wanted = node.func.id in ("tr", "mark", "translatable")
                if wanted and isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def test_every_text_of_the_window_has_a_finished_chinese_translation() -> None:
    translated = {
        message.findtext("source", "")
        for message in messages("zh_CN")
        if message.find("translation[@type='unfinished']") is None and all(forms(message))
    }
    missing = literals() - translated
    assert not missing, "run make translations and finish the file; see docs/translating.md"


def test_no_gap_is_lost_in_translation() -> None:
    for language in ("en", "zh_CN"):
        for message in messages(language):
            wanted = sorted(GAP.findall(message.findtext("source", "")))
            for form in forms(message)[-1:]:
                assert sorted(GAP.findall(form)) == wanted, message.findtext("source", "")


def test_the_compiled_files_are_those_of_the_sources(qapp: QApplication) -> None:
    for language in ("en", "zh_CN"):
        translator = QTranslator()
        assert translator.load(f"ferdesk_{language}", str(translations_folder()))
        for message in messages(language):
            number = 7 if message.get("numerus") else -1
            note = message.findtext("comment", "")
            told = translator.translate("", message.findtext("source", ""), note, number)
            assert told == forms(message)[-1]


@pytest.mark.usefixtures("chinese")
def test_the_window_is_chinese_when_chosen(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    assert window.actions_by_name["record"].text() == "录制"
    assert window.live_page.view.state.title == "已停止"
    assert label_text("happy") == "高兴"
    assert len({label_text(label) for label in LABELS}) == len(LABELS)
    assert "3 次" in tr("{text} (%n times)", "", 3)


@pytest.mark.usefixtures("chinese")
def test_a_sentence_from_below_the_window_is_said_in_its_language() -> None:
    error = SourceError(
        translatable("There is no file {path}; check the path.", path=Path("a.mp4"))
    )
    assert str(error) == "There is no file a.mp4; check the path."
    assert translated(str(error)) == "没有文件 a.mp4；请检查路径。"  # noqa: RUF001
    outer = translatable(
        "The network now runs on the {provider}: {why}.",
        provider="CPU",
        why=translatable("the disk is full"),
    )
    assert translated(outer) == "网络现在在 CPU 上运行：磁盘已满。"  # noqa: RUF001
    assert translated("a text that is none") == "a text that is none"


@pytest.mark.usefixtures("chinese")
def test_an_error_of_a_source_is_told_in_chinese(
    make_window: Callable[..., MainWindow], services: FakeServices, qtbot: QtBot
) -> None:
    source = services.prepared["camera:0"] = FakeSource()
    source.opens_with_error = translatable("{name} does not open.", name="X")
    window = make_window()
    window.live_page.sources.start("camera:0")
    qtbot.waitUntil(lambda: window.live_page.view.state.text == "X 无法打开。")


def test_english_has_its_singular(qapp: QApplication) -> None:
    install_language(qapp, "en")
    assert tr("{text} (%n times)", "", 1).format(text="a") == "a (once)"
    assert tr("{text} (%n times)", "", 2).format(text="a") == "a (2 times)"


@pytest.mark.parametrize(
    ("system", "wanted"),
    [(["zh-Hans-CN", "en"], "zh_CN"), (["de-DE", "zh-CN"], "zh_CN"), (["fr-FR"], "en")],
)
def test_the_system_language_is_taken_where_it_is_there(
    monkeypatch: pytest.MonkeyPatch, system: list[str], wanted: str
) -> None:
    monkeypatch.setattr(QLocale, "uiLanguages", lambda _: system)
    assert wanted_language("system") == wanted
    assert wanted_language("en") == "en"


def test_one_row_is_no_rows() -> None:
    assert [rows_text(count) for count in (0, 1, 2, 12_345)] == [
        "0 rows",
        "1 row",
        "2 rows",
        "12,345 rows",
    ]
