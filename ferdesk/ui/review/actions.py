"""What the user can do on a part of the review page: actions whose keys work while it is seen."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QToolButton, QWidget

from ferdesk.ui.kit.icons import give_icon
from ferdesk.ui.kit.language import tr


@dataclass(frozen=True, slots=True)
class Spec:
    """One thing the user can do; ``keys`` are joined by blanks, all but the text may be empty."""

    text: str
    keys: str = ""
    icon: str = ""
    tip: str = ""
    checkable: bool = False


def make_action(owner: QWidget, spec: Spec, does: Callable[[], object]) -> QAction:
    """An action of ``owner``, whose keys work while ``owner`` is on the screen."""
    text, tip = tr(spec.text), tr(spec.tip or spec.text)
    action = QAction(text, owner)
    action.setShortcuts([QKeySequence(key) for key in spec.keys.split()])
    action.setCheckable(spec.checkable)
    native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    action.setToolTip(f"{tip} ({native})" if native else tip)
    action.setWhatsThis(tip)
    action.triggered.connect(partial(ignore_checked, does))
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
    """Qt tells whether an action is checked; those who care ask the action."""
    does()
