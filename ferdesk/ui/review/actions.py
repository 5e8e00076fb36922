"""Actions of a part of the review page: one table each, with what they do; keys work while seen."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QToolButton, QWidget

from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr


@dataclass(frozen=True, slots=True)
class Spec:
    """Action as a line of a table; ``keys`` are joined by blanks, all behind the text are optional.

    ``text`` and ``tip`` are marked for translation.
    """

    does: Callable[[], object]
    text: str
    keys: str = ""
    icon: str = ""
    tip: str = ""


def make_actions(owner: QWidget, specs: Mapping[str, Spec]) -> dict[str, QAction]:
    """Actions of ``owner`` by name, whose keys work while ``owner`` is on the screen."""
    return {name: make_action(owner, spec) for name, spec in specs.items()}


def make_action(owner: QWidget, spec: Spec) -> QAction:
    text, tip = tr(spec.text), tr(spec.tip or spec.text)
    action = QAction(text, owner)
    action.setShortcuts([QKeySequence(key) for key in spec.keys.split()])
    native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    action.setToolTip(f"{tip} ({native})" if native else tip)
    action.setWhatsThis(tip)
    action.triggered.connect(partial(ignore_checked, spec.does))
    if spec.icon:
        give_icon(action, spec.icon)
    owner.addAction(action)
    return action


def button_of(action: QAction, parent: QWidget, *, with_text: bool = True) -> QToolButton:
    """A button for ``action``; without a text its name stands in the tooltip."""
    button = QToolButton(parent)
    button.setDefaultAction(action)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if with_text:
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    else:
        button.setAccessibleName(action.text())
    return button


def ignore_checked(does: Callable[[], object], checked: bool = False) -> None:
    """Call ``does`` without what Qt tells: whether the action is checked."""
    does()
