"""Actions: one table of what the user can do, read by toolbar, menus and the list of shortcuts."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QToolButton, QWidget

from ferdesk.ui.kit.icons import draw_icon, give_icon
from ferdesk.ui.kit.language import tr

KEYS_TEXT = "ferdesk_keys_text"
"""The property of an action with the keys that the list of shortcuts shows in place of its own."""
_ICONS_AFTER_MS = 300


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """Action: its name and text, its keys, icon and tooltip, what it does and when it can be done.

    ``keys`` are joined by blanks; all but name, text and ``does`` may be left out.
    """

    name: str
    text: str
    does: Callable[[], object]
    keys: str = ""
    icon: str = ""
    tip: str = ""
    checkable: bool = False
    repeats: bool = True
    """Whether a key that is held down does it again and again."""
    enabled_when: Callable[[], bool] | None = None
    keys_text: str = ""
    """What the list of shortcuts says in place of ``keys``, for one that stands for several."""
    needs: str = ""
    """What has to be so before it can be done: the tooltip says it while it is disabled."""
    short: str = ""
    """What its button says, where that is less than the text in the menu."""


class ActionTable:
    """Action table: the actions by name, each owned by the widget on whose page its keys work."""

    def __init__(self) -> None:
        self._actions: dict[str, QAction] = {}
        self._conditions: list[tuple[QAction, Callable[[], bool]]] = []
        self._needs: list[tuple[QAction, str, str]] = []

    def add(self, owner: QWidget, *specs: ActionSpec) -> None:
        for spec in specs:
            action = self._actions[spec.name] = make_action(owner, spec)
            if spec.enabled_when is not None:
                self._conditions.append((action, spec.enabled_when))
            if spec.needs:
                self._needs.append((action, action.toolTip(), tr(spec.needs)))

    def refresh(self) -> None:
        """Enable what can be done now; for each change of what the conditions look at."""
        for action, enabled_when in self._conditions:
            action.setEnabled(enabled_when())
        for action, tip, needs in self._needs:
            action.setToolTip(tip if action.isEnabled() else f"{tip}\n{needs}")

    def __getitem__(self, name: str) -> QAction:
        return self._actions[name]

    def __contains__(self, name: str) -> bool:
        return name in self._actions

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._actions.values())


class IconsLater(QObject):
    """Icons that are drawn when the window has been seen, one at a time: those of its menus."""

    @classmethod
    def of(cls, owner: QObject) -> "IconsLater":
        """That of ``owner``, which is made where there is none."""
        there = owner.findChild(cls, options=Qt.FindChildOption.FindDirectChildrenOnly)
        return there or cls(owner)

    def __init__(self, owner: QObject) -> None:
        super().__init__(owner)
        self._left: list[QAction] = []
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._draw_one)

    def add(self, action: QAction) -> None:
        self._left.append(action)
        if not self._timer.isActive():
            self._timer.start(_ICONS_AFTER_MS)

    def _draw_one(self) -> None:
        if not self._left:
            self._timer.stop()
            return
        self._timer.setInterval(0)
        draw_icon(self._left.pop())


def make_action(owner: QWidget, spec: ActionSpec) -> QAction:
    """An action of ``owner``, whose keys work while ``owner`` is on the screen."""
    text = tr(spec.text) if spec.text else ""
    tip = tr(spec.tip) if spec.tip else text
    action = QAction(text, owner)
    action.setObjectName(spec.name)
    if spec.short:
        action.setIconText(tr(spec.short))
    action.setShortcuts([QKeySequence(key) for key in spec.keys.split()])
    action.setCheckable(spec.checkable)
    action.setAutoRepeat(spec.repeats)
    native = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
    action.setToolTip(f"{tip} ({native})" if native else tip)
    action.setWhatsThis(tip)
    if spec.keys_text:
        action.setProperty(KEYS_TEXT, spec.keys_text)
    # triggered, not toggled: what the program sets itself must not come back as the user's choice
    action.triggered.connect(partial(ignore_checked, spec.does))
    if spec.icon:
        give_icon(action, spec.icon, later=True)
        IconsLater.of(owner).add(action)
    owner.addAction(action)
    return action


def button_of(action: QAction, parent: QWidget, *, with_text: bool = True) -> QToolButton:
    """A button for ``action``; without a text its name stands in the tooltip."""
    button = QToolButton(parent)
    button.setObjectName(action.objectName())
    draw_icon(action)
    button.setDefaultAction(action)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if with_text:
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    else:
        button.setAccessibleName(action.text())
    return button


def ignore_checked(does: Callable[[], object], checked: bool = False) -> None:
    """Call ``does`` without Qt's argument; who cares whether an action is checked asks it."""
    does()
