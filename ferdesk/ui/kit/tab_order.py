"""Tab order: the keyboard goes through a window as the eye does, in the order of its layouts.

Qt's own order is the one in which the controls were made, which a form that is filled later, or
parts that come from several places, turn into jumps.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFormLayout,
    QGridLayout,
    QLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QWidget,
)


def order_tabs(*parts: QWidget) -> None:
    """Let Tab go through each of ``parts`` in the order of its layouts, one after the other."""
    chain = [widget for part in parts for widget in controls_of(part)]
    for before, after in pairwise(chain):
        QWidget.setTabOrder(before, after)


def controls_of(part: QWidget) -> list[QWidget]:
    """What takes the keyboard in ``part``, itself too, in the order of the layouts."""
    takes = bool(part.focusPolicy() & Qt.FocusPolicy.TabFocus) and part.focusProxy() is None
    inside = [control for child in _children(part) for control in controls_of(child)]
    return [part, *inside] if takes else inside


def _children(part: QWidget) -> Iterator[QWidget]:
    if isinstance(part, QScrollArea):
        inside = part.widget()
        if inside is not None:
            yield inside
    elif isinstance(part, QSplitter | QStackedWidget):
        pages = (part.widget(index) for index in range(part.count()))
        yield from (page for page in pages if page is not None)
    elif (layout := part.layout()) is not None:
        yield from _widgets(layout)


def _widgets(layout: QLayout) -> Iterator[QWidget]:
    indices = list(range(layout.count()))
    # a grid's items, and those of a form with rows put in later, are in the order they came in
    if isinstance(layout, QGridLayout | QFormLayout):
        indices.sort(key=lambda index: _pair(layout.getItemPosition(index)))
    for index in indices:
        item = layout.itemAt(index)
        if item is None:
            continue
        widget, inner = item.widget(), item.layout()
        if widget is not None:
            yield widget
        elif inner is not None:
            yield from _widgets(inner)


def _pair(position: object) -> tuple[int, int]:
    """Row and column, or row and role in a form: a label stands before its field."""
    row, column = cast("Sequence[Any]", position)[:2]
    return int(row), column if isinstance(column, int) else column.value
