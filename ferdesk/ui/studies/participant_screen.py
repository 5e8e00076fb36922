"""Participant's screen: stimuli and questions, full screen, and nothing else of the program."""

from collections.abc import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent, QMouseEvent, QScreen
from PySide6.QtWidgets import QMessageBox, QStackedWidget, QVBoxLayout, QWidget

from ferdesk.studies.study_file import Question
from ferdesk.ui.kit.language import tr
from ferdesk.ui.studies.canvas import CanvasKind, Scene, make_canvas
from ferdesk.ui.studies.question_page import QuestionPage

_GO_ON = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class ParticipantScreen(QWidget):
    """Full-screen window of a study; it knows scenes and questions, and nothing of their order."""

    presented = Signal(int, float)
    """The number of a scene and the moment, on the clock, at which it was shown."""
    went_on = Signal(float)
    """A key or click that goes on, and when."""
    answered = Signal(str, object, float)
    """An answer's text, its number or None, and when."""
    stop_wanted = Signal()
    """Escape, or the window is to be closed."""

    def __init__(self, clock: Callable[[], float], kind: CanvasKind | None = None) -> None:
        """``kind`` of canvas: by default the one that knows best when a scene is shown."""
        super().__init__(None, Qt.WindowType.Window | Qt.WindowType.FramelessWindowHint)
        self.setWindowTitle(tr("Study"))
        self.setObjectName("participant")
        self._clock = clock
        self.canvas = make_canvas(clock, self, kind)
        self.canvas.setCursor(Qt.CursorShape.BlankCursor)
        self.questions = QuestionPage(clock, self)
        self.pages = QStackedWidget(self)
        self.pages.addWidget(self.canvas)
        self.pages.addWidget(self.questions)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.pages)
        self.canvas.presented.connect(self.presented)
        self.questions.answered.connect(self.answered)
        self._may_close = False
        self._box: QMessageBox | None = None
        self.corner: QWidget | None = None
        """A part of the operator's view, where the study asks for it."""

    @property
    def method(self) -> str:
        """How the moments of scenes are known."""
        return self.canvas.method

    @property
    def refresh_s(self) -> float:
        """Seconds from one picture of the screen to the next, as the system says."""
        rate = self.screen().refreshRate()
        return 1 / rate if rate > 1 else 1 / 60

    @property
    def error_ms(self) -> float:
        """By how much a moment may be too early at most, without what the screen itself adds."""
        return round(1000 * self.canvas.refreshes_late * self.refresh_s, 1)

    @property
    def room(self) -> QSize:
        """The size of the screen in its own pixels."""
        return self.screen().size() * self.screen().devicePixelRatio()

    def show_on(self, screen: QScreen) -> None:
        """Cover ``screen``."""
        self.setScreen(screen)
        self.setGeometry(screen.geometry())
        self.showFullScreen()
        self.raise_()
        self.activateWindow()
        self.setFocus()

    def show_scene(self, scene: Scene) -> int:
        """Show a scene in place of what is there; ``presented`` tells its number when it is."""
        if self.pages.currentWidget() is not self.canvas:
            self.pages.setCurrentWidget(self.canvas)
            self.setFocus()
        return self.canvas.show_scene(scene)

    def ask(self, question: Question) -> float:
        """Show a question; returns when."""
        self.questions.ask(question)
        self.pages.setCurrentWidget(self.questions)
        self.questions.setFocus()
        self.questions.repaint()
        return self._clock()

    def ask_to_stop(self, text: str, decide: Callable[[bool], object]) -> None:
        """Ask whether to stop, over what is shown; ``decide`` is told True for a yes."""
        if self._box is not None:
            return
        box = self._box = QMessageBox(QMessageBox.Icon.Question, tr("Study"), text, parent=self)
        go_on = box.addButton(tr("Continue"), QMessageBox.ButtonRole.RejectRole)
        stop = box.addButton(tr("Stop the study"), QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(go_on)
        box.setEscapeButton(go_on)

        def finished() -> None:
            self._box = None
            wants_stop = box.clickedButton() is stop
            box.deleteLater()
            self.setFocus()
            decide(wants_stop)

        box.finished.connect(lambda _: finished())
        box.open()

    @property
    def question_box(self) -> QMessageBox | None:
        """The question whether to stop, while it is open."""
        return self._box

    def end(self) -> None:
        """Close without a question."""
        self._may_close = True
        if self._box is not None:
            self._box.done(0)
        self.close()
        QTimer.singleShot(0, self, self.deleteLater)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.isAutoRepeat():
            return
        if event.key() == Qt.Key.Key_Escape:
            self.stop_wanted.emit()
        elif event.key() in _GO_ON and self.pages.currentWidget() is self.canvas:
            self.went_on.emit(self._clock())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.went_on.emit(self._clock())

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:
        """A double click is one click: the next text is not for its second half."""

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._may_close:
            super().closeEvent(event)
        else:
            event.ignore()
            self.stop_wanted.emit()
