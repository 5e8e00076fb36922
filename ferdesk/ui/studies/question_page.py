"""Question page: what a participant is asked after a stimulus, answered by mouse or keys."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLayout,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ferdesk.studies.study_file import Question
from ferdesk.ui.kit.language import tr
from ferdesk.ui.kit.theme import GRID

_MOST_BUTTONS = 11
"""A scale with more steps is a slider."""

STYLE = """
QWidget#question { background: #808080; }
QLabel { background: transparent; color: #000000; font-size: %(text)dpx; }
QLabel#end { font-size: %(small)dpx; }
QPushButton { background: #E9E9E9; color: #000000; border: 3px solid #E9E9E9; border-radius: 6px;
    padding: %(pad)dpx; font-size: %(text)dpx; min-width: %(least)dpx; }
QPushButton:hover { background: #FFFFFF; }
QPushButton:focus { border-color: #0B3D91; }
QPushButton:pressed, QPushButton:checked { background: #C6D8F5; }
QPushButton:disabled { color: #6B6B6B; }
QSlider::groove:horizontal { background: #E9E9E9; height: 8px; border-radius: 4px; }
QSlider::handle:horizontal { background: #0B3D91; width: 28px; margin: -12px 0;
    border-radius: 6px; }
"""


class QuestionPage(QWidget):
    """Page with one question; ``answered`` has the answer's text, its number or None, and when."""

    answered = Signal(str, object, float)

    def __init__(self, clock: Callable[[], float], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("question")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._clock = clock
        self._question: Question | None = None
        self.buttons: list[QPushButton] = []
        self.slider: QSlider | None = None
        self._column = QVBoxLayout(self)
        self._body = QWidget(self)
        self._column.addWidget(self._body)

    @property
    def question_id(self) -> str:
        """The question that waits for an answer; empty where none does."""
        return "" if self._question is None else self._question.id

    def ask(self, question: Question) -> None:
        """Show ``question``; the first answer to it is the answer."""
        self._question = question
        self.buttons, self.slider = [], None
        old, self._body = self._body, QWidget(self)
        self._column.replaceWidget(old, self._body)
        old.hide()
        old.deleteLater()
        self._fit_style()
        column = QVBoxLayout(self._body)
        column.setSpacing(4 * GRID)
        column.addStretch(2)
        text = QLabel(question.text, self._body)
        text.setTextFormat(Qt.TextFormat.PlainText)
        text.setWordWrap(True)
        text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        column.addWidget(text)
        steps = range(question.lowest, question.highest + 1)
        if question.kind == "buttons":
            column.addLayout(_centred(self._row([(one, None) for one in question.buttons])))
        elif len(steps) <= _MOST_BUTTONS:
            row = self._row([(str(step), float(step)) for step in steps])
            column.addLayout(_centred(self._with_ends(question, row)))
        else:
            column.addLayout(self._slider_rows(question))
        column.addStretch(3)
        self._body.show()
        self.setFocus()

    def sizeHint(self) -> QSize:
        return QSize(100 * GRID, 60 * GRID)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Digits choose the button of that place, or of that number on a scale from 0 to 9.

        One that is held answers one question, not those that follow.
        """
        question, text = self._question, event.text()
        is_digit = text.isascii() and text.isdecimal() and not event.isAutoRepeat()
        if question is None or not is_digit:
            super().keyPressEvent(event)
            return
        wanted = int(text) - 1 if question.kind == "buttons" else int(text) - question.lowest
        # 1 would have to wait for the 0 of 10
        fits = question.kind == "buttons" or question.highest <= 9
        if fits and 0 <= wanted < len(self.buttons):
            self.buttons[wanted].click()

    def _row(self, choices: list[tuple[str, float | None]]) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * GRID)
        for text, value in choices:
            button = QPushButton(text.replace("&", "&&"), self._body)
            button.setAutoDefault(True)
            button.clicked.connect(lambda _=False, t=text, v=value: self._answer(t, v))
            self.buttons.append(button)
            row.addWidget(button)
        return row

    def _slider_rows(self, question: Question) -> QVBoxLayout:
        slider = self.slider = QSlider(Qt.Orientation.Horizontal, self._body)
        slider.setRange(question.lowest, question.highest)
        slider.setAccessibleName(question.text)
        slider.setValue((question.lowest + question.highest) // 2)
        slider.setMinimumHeight(5 * GRID)
        slider.setMinimumWidth(self.window().width() // 2)
        go_on = QPushButton(tr("Continue"), self._body)
        # where the handle stands at first is no answer
        go_on.setEnabled(False)
        for moved in (slider.valueChanged, slider.sliderPressed):
            moved.connect(lambda *_: go_on.setEnabled(True))
        go_on.clicked.connect(lambda: self._answer(str(slider.value()), float(slider.value())))
        self.buttons.append(go_on)
        track, below = QHBoxLayout(), QHBoxLayout()
        track.addWidget(slider)
        below.addWidget(go_on)
        rows = QVBoxLayout()
        rows.setSpacing(4 * GRID)
        rows.addLayout(_centred(self._with_ends(question, track)))
        rows.addLayout(_centred(below))
        return rows

    def _with_ends(self, question: Question, row: QHBoxLayout) -> QVBoxLayout:
        """``row`` with what the ends of its scale mean below them."""
        ends = QHBoxLayout()
        for text, value in (
            (question.lowest_label, question.lowest),
            (question.highest_label, question.highest),
        ):
            label = QLabel(f"{value} = {text}" if text else "", self._body)
            label.setObjectName("end")
            label.setTextFormat(Qt.TextFormat.PlainText)
            ends.addWidget(label)
            if value == question.lowest:
                ends.addStretch(1)
        both = QVBoxLayout()
        both.setSpacing(GRID)
        both.addLayout(row)
        both.addLayout(ends)
        return both

    def _answer(self, text: str, value: float | None) -> None:
        if self._question is not None:
            self._question = None
            self.answered.emit(text, value, self._clock())

    def _fit_style(self) -> None:
        height = max(self.window().height(), 400)
        self.setStyleSheet(
            STYLE
            % {
                "text": max(16, height // 30),
                "small": max(14, height // 42),
                "pad": max(8, height // 60),
                "least": max(24, height // 26),
            }
        )


def _centred(inner: QLayout) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addStretch(1)
    row.addLayout(inner)
    row.addStretch(1)
    return row
