"""Learning from corrections: keys, notices with undo, panel and training."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, QPoint, Signal
from PySide6.QtGui import QAction, QIcon, QPixmap
from PySide6.QtWidgets import QMenu, QWidget

from ferdesk.core.labels import LABELS
from ferdesk.paths import sessions_folder
from ferdesk.ui.kit.folders import open_folder
from ferdesk.ui.kit.language import label_text, tr
from ferdesk.ui.kit.notice import Choice, Notice
from ferdesk.ui.kit.task_runner import TaskRunner
from ferdesk.ui.kit.theme import label_colour
from ferdesk.ui.learning.corrections import Correction, CorrectionFolder, Seen
from ferdesk.ui.learning.corrections_panel import CorrectionsPanel
from ferdesk.ui.learning.training import Training, as_text, find_trainer, fit_words, model_of


def corrections_folder() -> Path:
    """Where corrected faces go unless the user says otherwise."""
    return sessions_folder() / "corrections"


class Learning(QObject):
    """Learning: saves corrected labels away from the GUI thread, and trains on them."""

    notified = Signal(object)
    """A ``Notice``."""
    model_made = Signal(object)
    """The file of a newly trained model that the user wants to use."""

    def __init__(
        self, chores: TaskRunner, panel: CorrectionsPanel, folder: Path | None = None
    ) -> None:
        super().__init__(panel)
        self._chores = chores
        self._panel = panel
        self._folder = folder
        self._known = False
        self.training = Training(find_trainer, self)
        self.start_from: Callable[[], Path | None] = lambda: None
        """The model file that training begins with; None leaves it to the trainer."""
        panel.delete_wanted.connect(self.delete)
        panel.folder_wanted.connect(self.open_folder)
        panel.train_wanted.connect(self.train)
        panel.cancel_wanted.connect(self.training.cancel)
        self.training.line.connect(panel.show_training)
        self.training.finished.connect(self._trained)

    @property
    def folder(self) -> CorrectionFolder:
        return CorrectionFolder(self._folder or corrections_folder())

    def store(self, seen: Seen, label: str) -> None:
        """This face shows ``label``: keep it, say so, and offer to undo it."""
        self._chores.run(partial(self.folder.add, seen, label), self._stored, self._refused)

    def delete(self, corrections: list[Correction]) -> None:
        def work() -> int:
            for correction in corrections:
                self.folder.remove(correction)
            return len(corrections)

        self._chores.run(work, self._deleted, self._refused)

    def refresh(self) -> None:
        """Look at what is stored; for when the panel is seen."""
        folder = self.folder
        self._known = True
        self._chores.run(
            folder.stored,
            lambda stored: self._panel.show_stored(stored, folder.folder),
            self._refused,
        )

    def open_folder(self) -> None:
        folder = self.folder.folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            text = tr("Can't create the folder {path}: {why}.").format(path=folder, why=error)
            self.notified.emit(Notice(text, "error"))
            return
        open_folder(folder)

    def train(self) -> None:
        """Start the trainer on what is stored, or show the command where there is none."""
        faces = self.folder.folder
        trainer = self.training.find()
        stamp = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        run = faces.parent / "trainings" / stamp
        words = fit_words(trainer.words, faces, run, self.start_from())
        if not trainer.there:
            self._panel.show_command(trainer.why_not, as_text(words))
            return
        self._panel.show_training(tr("Starting training…"))
        self.training.start(words, model_of(run))

    def close(self) -> None:
        self.training.close()

    def _stored(self, correction: Correction) -> None:
        text = tr("Saved as {label}: {path}. It stays on this computer.")
        undo = Choice(tr("Undo"), partial(self.delete, [correction]))
        show = Choice(tr("Open folder"), partial(open_folder, correction.picture.parent))
        self.notified.emit(
            Notice(
                text.format(label=label_text(correction.label), path=correction.picture),
                stays=False,
                choices=(undo, show),
            )
        )
        self._panel.show_label(correction.label)
        self.refresh()

    def _deleted(self, count: int) -> None:
        text = tr("%n training examples deleted.", "", count)
        self.notified.emit(Notice(text, stays=False))
        self.refresh()

    def _refused(self, message: str) -> None:
        self.notified.emit(Notice(message, "error"))
        if self._known:
            self._known = False  # what the panel shows may be out of date

    def _trained(self, model: Path | None, output: str) -> None:
        last = output.splitlines()[-1] if output else ""
        self._panel.show_idle(last)
        if model is None:
            text = tr("Training did not produce a model.")
            self.notified.emit(Notice(f"{text} {last}".strip(), "warning", details=output))
            return
        use = Choice(tr("Use this model"), partial(self.model_made.emit, model))
        show = Choice(tr("Open folder"), partial(open_folder, model.parent))
        text = tr("Training finished: {path}").format(path=model)
        self.notified.emit(Notice(text, details=output, choices=(use, show)))


class LabelMenu(QMenu):
    """Label menu: seven entries, one a label, with the keys 1 to 7; Escape chooses none."""

    def __init__(self, parent: QWidget, choose: Callable[[str], None]) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("Label this face as…"))
        title = self.addAction(tr("Label this face as…"))
        title.setEnabled(False)
        self.by_label: dict[str, QAction] = {}
        for number, label in enumerate(LABELS, start=1):
            action = self.addAction(f"&{number}  {label_text(label)}")
            pixmap = QPixmap(16, 16)
            pixmap.fill(label_colour(label))
            action.setIcon(QIcon(pixmap))
            action.triggered.connect(partial(_chosen, choose, label))
            self.by_label[label] = action

    def open_at(self, point: QPoint) -> None:
        """Show it there; does not wait for the answer."""
        self.popup(point)


def _chosen(choose: Callable[[str], None], label: str, checked: bool = False) -> None:
    choose(label)
