"""The faces of the picture as a list, and the chosen one in detail."""

from PySide6.QtCore import QItemSelectionModel, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QLabel,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.labels import LABELS
from ferdesk.core.quality import Doubt
from ferdesk.core.types import FaceResult
from ferdesk.ui.bars import Bars, BarsKey
from ferdesk.ui.language import mark, say_label, tr
from ferdesk.ui.overlay import DOUBTS, percent
from ferdesk.ui.theme import DARK, GRID, label_colour

_ROW_PX = 4 * GRID
_ROWS_SHOWN = 3
_ID = Qt.ItemDataRole.UserRole
_ADVICE: dict[Doubt, str] = {
    "small": mark("come nearer, or take a larger picture"),
    "turned": mark("it looks away from the camera"),
    "tilted": mark("hold the head or the camera upright"),
    "dark": mark("more light is needed"),
    "bright": mark("less light is needed"),
    "blurred": mark("hold still, or clean and focus the camera"),
}


class FacesList(QTableWidget):
    """Id, label and confidence of each face; a click or the arrow keys choose one."""

    chosen = Signal(int)
    """The id of the face that the user chose."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self._icons = {label: _dot(label_colour(label)) for label in LABELS}
        self._no_icon = _dot(QColor(DARK.muted))
        self.horizontalHeader().hide()
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.setColumnWidth(0, 6 * GRID)
        self.setColumnWidth(2, 8 * GRID)
        self.setShowGrid(False)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFixedHeight(_ROWS_SHOWN * _ROW_PX)
        self.setAccessibleName(tr("Faces"))
        self.itemSelectionChanged.connect(self._tell_choice)

    def show_faces(self, faces: tuple[FaceResult, ...], chosen_id: int | None) -> None:
        with QSignalBlocker(self):
            self.setRowCount(len(faces))
            for row, face in enumerate(faces):
                self._fill(row, face)
            ids = [face.face_id for face in faces]
            row = ids.index(chosen_id) if chosen_id in ids else -1
            if row < 0:
                self.clearSelection()
            elif row != self.currentRow() or not self.selectedItems():
                self.setCurrentCell(
                    row,
                    0,
                    QItemSelectionModel.SelectionFlag.ClearAndSelect
                    | QItemSelectionModel.SelectionFlag.Rows,
                )

    def _fill(self, row: int, face: FaceResult) -> None:
        label = say_label(face.label)
        said, sure = label.capitalize(), percent(face.confidence)
        if not face.judgeable:
            said, sure = tr(DOUBTS[face.doubt]).capitalize(), ""
        elif face.uncertain:
            said = tr("Unsure ({label})").format(label=label)
        icon = self._icons[face.label] if face.judgeable else self._no_icon
        texts = (f"#{face.face_id}", said, sure)
        for column, text in enumerate(texts):
            item = self.item(row, column)
            if item is None:
                item = QTableWidgetItem()
                if column == 2:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.setItem(row, column, item)
            # each of these repaints, so only what is new is told
            if item.text() != text:
                item.setText(text)
                if column == 1:
                    item.setIcon(icon)
            if item.data(_ID) != face.face_id:
                item.setData(_ID, face.face_id)

    def _tell_choice(self) -> None:
        items = self.selectedItems()
        if items:
            self.chosen.emit(int(items[0].data(_ID)))


class FacesPanel(QWidget):
    """The list of faces above the seven bars of the chosen one."""

    chosen = Signal(int)
    """The id of the face that the user chose in the list."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = FacesList(self)
        self.list.chosen.connect(self.chosen)
        self.bars = Bars(self)
        self.headline = QLabel(self)
        self.headline.setProperty("role", "heading")
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.list)
        layout.addSpacing(GRID)
        layout.addWidget(self.headline)
        layout.addWidget(self.hint)
        layout.addWidget(self.bars)
        layout.addWidget(BarsKey(self))
        self.clear()

    def show_faces(
        self, faces: tuple[FaceResult, ...], chosen: FaceResult | None, chosen_id: int | None
    ) -> None:
        """``chosen`` is None where no face is chosen, or where ``chosen_id`` is out of sight."""
        self.list.show_faces(faces, chosen_id)
        if chosen is not None:
            self._show_chosen(chosen)
        elif chosen_id is not None:
            self._said = ""
            self.headline.setText(tr("Out of sight"))
            self.hint.setText(tr("Face #{id} · last values").format(id=chosen_id))
            self.bars.fade()
        else:
            self.clear()

    def _show_chosen(self, face: FaceResult) -> None:
        self.bars.show_face(face)
        if not face.judgeable:
            # its bars stay to be seen, but without the colour of a judgement
            self.bars.fade()
            self._said = ""
            self.headline.setText(tr(DOUBTS[face.doubt]).capitalize())
            why = tr(_ADVICE[face.doubt])
        else:
            self._said = f"{say_label(face.label)} {percent(face.confidence)}"
            self.headline.setText(tr("Shows: {said}").format(said=self._said))
            why = tr("unsure, see F1") if face.uncertain else tr("the network's estimate")
        self.hint.setText(tr("Face #{id}").format(id=face.face_id) + f" · {why}")

    def age(self) -> None:
        """The picture stands still: say that the values are the last ones, not today's."""
        if self._said:
            self.headline.setText(tr("Last: {said}").format(said=self._said))
        self.bars.fade()

    def clear(self) -> None:
        self.list.show_faces((), None)
        self._said = ""
        self.headline.setText(tr("No face"))
        self.hint.setText(tr("Click a face to choose it"))
        self.bars.clear()


def _dot(colour: QColor) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(6, 6, 20, 20)
    painter.end()
    return QIcon(pixmap)
