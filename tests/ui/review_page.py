"""An opened session in a test: the view with its clock in hand, its keys, and what it saved."""

import json
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QTableWidget
from pytestqt.qtbot import QtBot

from ferdesk.ui.review.session_view import SessionView

Opener = Callable[[Path], SessionView]


def press(view: SessionView, key: Qt.Key, *modifiers: Qt.KeyboardModifier) -> None:
    both = Qt.KeyboardModifier.NoModifier
    for modifier in modifiers:
        both |= modifier
    QTest.keyClick(view.timeline, key, both)


def saved(folder: Path, qtbot: QtBot, view: SessionView) -> dict[str, object]:
    """``review.json`` once all is written."""
    qtbot.waitUntil(lambda: view.saved.text() == "Saved")
    table: dict[str, object] = json.loads((folder / "review.json").read_text("utf-8"))
    return table


def column(table: QTableWidget, number: int) -> list[str]:
    texts = []
    for row in range(table.rowCount()):
        item = table.item(row, number)
        texts.append("" if item is None else item.text())
    return texts


def plot_point(view: SessionView, t_s: float) -> QPoint:
    """Where a moment lies in the chart."""
    scale = view.timeline._scale()
    return QPoint(round(scale.x(t_s)), view.timeline.plot.viewport().height() // 2)
