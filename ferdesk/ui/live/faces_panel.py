"""Faces panel: the faces of the frame as a list, and the selected one in detail."""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QEvent, QItemSelectionModel, QSignalBlocker, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPen, QPixmap
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.annotation import REASONS, percent
from ferdesk.core.labels import LABELS
from ferdesk.core.types import FaceResult
from ferdesk.ui.kit.face_names import LONGEST_NAME, FaceNames, own_colour
from ferdesk.ui.kit.language import label_text, tr, translated
from ferdesk.ui.kit.overlay import BASELINE_SIGN, face_name
from ferdesk.ui.kit.plain_text import plain
from ferdesk.ui.kit.theme import DARK, GRID, colours, label_colour
from ferdesk.ui.live.bars import Bars, BarsKey
from ferdesk.ui.live.why import ADVICE, WhyButton

_ROW_PX = 4 * GRID
_MOST_ROWS = 5
_ID_PX, _NAMED_PX = 8 * GRID, 16 * GRID
_BESIDE_WORD_PX = 5 * GRID
"""A label's dot and the margins of its cell."""
_ID = Qt.ItemDataRole.UserRole


class FacesList(QTableWidget):
    """Faces list: id, name, label and confidence of each; a click or the arrow keys select one."""

    chosen = Signal(int)
    """The id of the face that the user chose."""
    naming = Signal()
    """The user wants to name the chosen face."""
    grew = Signal()
    """More faces than before are there at once."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(0, 3, parent)
        self._swatches: dict[int, QIcon] = {}
        self._icons = {label: _dot(label_colour(label)) for label in LABELS}
        self._no_icon = _dot(QColor(DARK.muted))
        self._num_rows = 1
        # the two colours of a face, with what each of them means
        for column, title, icon in (
            (0, tr("face"), _square(QColor(colours().disabled))),
            (1, tr("label"), _dot(QColor(colours().disabled))),
            (2, "", QIcon()),
        ):
            self.setHorizontalHeaderItem(column, QTableWidgetItem(icon, title))
        header = self.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setSectionsClickable(False)
        header.setHighlightSections(False)
        header.setFixedHeight(3 * GRID)
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW_PX)
        self.horizontalHeader().setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)
        self.setColumnWidth(0, _ID_PX)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setTabKeyNavigation(False)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._fit(0)
        self.setAccessibleName(tr("Faces"))
        self.itemSelectionChanged.connect(self._tell_choice)
        self.itemDoubleClicked.connect(self.naming)

    def show_faces(
        self,
        faces: tuple[FaceResult, ...],
        chosen_id: int | None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        self._share_out([face_name(face.face_id, names or {}) for face in faces])
        self._fit(len(faces))
        with QSignalBlocker(self):
            self.setRowCount(len(faces))
            for row, face in enumerate(faces):
                self._fill(row, face, names or {})
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
                # of a crowd in a picture that stands still no later result brings it into sight
                QTimer.singleShot(0, self, self._show_current)

    def _show_current(self) -> None:
        self.scrollTo(self.currentIndex())

    def forget(self) -> None:
        """Another source: no taller than its faces need."""
        self._num_rows = 1
        self.show_faces((), None)

    def _share_out(self, named: Sequence[str]) -> None:
        """Give names the width that they need, as long as label and per cent stay whole."""
        advance = self.fontMetrics().horizontalAdvance
        share = advance(percent(1.0)) + GRID
        word = max(advance(label_text(label)) for label in LABELS) + _BESIDE_WORD_PX
        needed = max(map(advance, named), default=0) + _BESIDE_WORD_PX
        left = self.viewport().width() - share - word
        widths = {0: max(_ID_PX, min(needed, _NAMED_PX, left)), 2: share}
        for column, width in widths.items():
            if self.columnWidth(column) != width:
                self.setColumnWidth(column, width)

    def _fit(self, num_faces: int) -> None:
        """As high as the most faces at once so far, so that nothing below it dances."""
        self._num_rows = max(self._num_rows, min(num_faces, _MOST_ROWS))
        height = self.horizontalHeader().height() + self._num_rows * _ROW_PX
        if height != self.height() or self.minimumHeight() != height:
            grows = height > self.minimumHeight() > 0
            self.setFixedHeight(height)
            if grows:
                self.grew.emit()

    def _fill(self, row: int, face: FaceResult, names: Mapping[int, str]) -> None:
        label = label_text(face.label)
        said, share = label, percent(face.confidence)
        if not face.classifiable:
            said, share = translated(REASONS[face.reason]).capitalize(), ""
        elif face.low_confidence:
            said = tr("Low confidence: {label}").format(label=label)
        icon = self._icons[face.label] if face.classifiable else self._no_icon
        sign = f" {BASELINE_SIGN}" if face.baseline_applied else ""
        name = face_name(face.face_id, names)
        texts = (name + sign, said, share)
        for column, text in enumerate(texts):
            item = self.item(row, column)
            if item is None:
                item = QTableWidgetItem()
                if column == 2:
                    item.setTextAlignment(
                        Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
                    )
                self.setItem(row, column, item)
            # each of these repaints, so only changes are set
            if item.text() != text:
                item.setText(text)
                # a narrow column cuts it off
                item.setToolTip(plain(text))
                if column == 1:
                    item.setIcon(icon)
            if item.data(_ID) != face.face_id:
                item.setData(_ID, face.face_id)
                if column == 0:
                    item.setIcon(self._swatch(face.face_id))

    def _swatch(self, face_id: int) -> QIcon:
        colour = own_colour(face_id)
        if colour.rgb() not in self._swatches:
            self._swatches[colour.rgb()] = _square(colour)
        return self._swatches[colour.rgb()]

    def _tell_choice(self) -> None:
        items = self.selectedItems()
        if items:
            self.chosen.emit(int(items[0].data(_ID)))


class _NameLine(QLineEdit):
    """Line for a name; Return and Escape leave it, as the name is given while it is typed."""

    left = Signal()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and _leaves(event):
            event.accept()  # it is not the page's Escape
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        super().keyPressEvent(event)
        if _leaves(event):
            self.left.emit()


def _leaves(event: QEvent) -> bool:
    keys = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape)
    return isinstance(event, QKeyEvent) and event.key() in keys


class FacesPanel(QWidget):
    """Faces panel: the list of faces above the seven bars of the chosen one."""

    chosen = Signal(int)
    """The id of the face that the user chose in the list."""
    named = Signal()
    """The user has typed a name; the keys are the page's again."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.list = FacesList(self)
        self.list.chosen.connect(self.chosen)
        self.names = FaceNames(self)
        self._chosen_id: int | None = None
        self.name = _NameLine(self)
        self.name.setPlaceholderText(tr("Name of this face"))
        self.name.setAccessibleName(tr("Name of the selected face"))
        self.name.setToolTip(tr("Saved with the recording; cleared when the source changes (N)"))
        self.name.setMaxLength(LONGEST_NAME)
        self.name.textEdited.connect(self._give_name)
        self.name.left.connect(self.named)
        self.list.naming.connect(self.edit_name)
        self.bars = Bars(self)
        self.headline = QLabel(self)
        self.headline.setProperty("role", "heading")
        self.hint = QLabel(self)
        self.hint.setProperty("role", "muted")
        self.why = WhyButton(self)
        for label in (self.headline, self.hint):
            # however long their words are, the panel stays as narrow as it is
            label.setWordWrap(True)
            label.setMinimumWidth(1)
        under = QHBoxLayout()
        under.setSpacing(GRID // 2)
        under.addWidget(self.hint, 1)
        under.addWidget(self.why, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.list)
        layout.addWidget(self.headline)
        layout.addLayout(under)
        # one row: on a small screen each row counts
        over_bars = QHBoxLayout()
        over_bars.setSpacing(GRID)
        over_bars.addWidget(self.name, 1)
        over_bars.addWidget(BarsKey(self))
        layout.addLayout(over_bars)
        layout.addWidget(self.bars)
        self.clear()

    def show_faces(
        self, faces: tuple[FaceResult, ...], chosen: FaceResult | None, chosen_id: int | None
    ) -> None:
        """``chosen`` is None where no face is chosen, or where ``chosen_id`` is out of sight."""
        self.list.show_faces(faces, chosen_id, self.names.by_id)
        self._show_name(chosen_id)
        if chosen is not None:
            self._show_chosen(chosen)
        elif chosen_id is not None:
            self._said = ""
            self.why.explain("")
            self.headline.setText(tr("Not visible"))
            self.hint.setText(tr("Face #{id} · last values").format(id=chosen_id))
            self.bars.fade()
        else:
            self.clear()

    def _show_chosen(self, face: FaceResult) -> None:
        self.why.explain(face.reason)
        if face.classifiable:
            self.bars.show_face(face)
        if not face.classifiable:
            # what the network gives for it means nothing
            self.bars.clear()
            self._said = ""
            self.headline.setText(translated(REASONS[face.reason]).capitalize())
            why = tr(ADVICE[face.reason])
        else:
            self._said = f"{label_text(face.label)} {percent(face.confidence)}"
            text = tr("Low confidence: {label}") if face.low_confidence else tr("Shows: {label}")
            self.headline.setText(text.format(label=self._said))
            why = tr("no label is clearly ahead") if face.low_confidence else tr("model estimate")
        self.hint.setText(tr("Face #{id}").format(id=face.face_id) + f" · {why}")

    def add_row(self, row: QWidget) -> None:
        """Put a tool for the chosen face under its bars."""
        layout = self.layout()
        assert layout is not None
        layout.addWidget(row)

    def place_question(self, question: QWidget) -> None:
        """Put what is asked about a face right under the list."""
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(1, question)

    def refresh_name(self) -> None:
        """A name was given elsewhere."""
        chosen_id, self._chosen_id = self._chosen_id, None
        self._show_name(chosen_id)

    def edit_name(self) -> None:
        """Put the cursor into the chosen face's name."""
        if self.name.isEnabled():
            self.name.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self.name.selectAll()

    def _give_name(self, text: str) -> None:
        if self._chosen_id is not None:
            self.names.give(self._chosen_id, text)

    def _show_name(self, chosen_id: int | None) -> None:
        # a name that is being typed stays as it is typed
        if chosen_id == self._chosen_id and self.name.isEnabled() == (chosen_id is not None):
            return
        self._chosen_id = chosen_id
        self.name.setEnabled(chosen_id is not None)
        self.name.setText(self.names.by_id.get(chosen_id, "") if chosen_id is not None else "")

    def age(self) -> None:
        """The picture stands still: say that the values are the last ones, not today's."""
        if self._said:
            self.headline.setText(tr("Last seen: {said}").format(said=self._said))
        self.bars.fade()

    def forget(self) -> None:
        """Another source: nothing of the one before is left."""
        self.clear()
        self.list.forget()

    def clear(self) -> None:
        self.list.show_faces((), None)
        self.why.explain("")
        self._show_name(None)
        self._said = ""
        self.headline.setText(tr("No face"))
        self.hint.setText(tr("Click a face to select it"))
        self.bars.clear()


def _square(colour: QColor) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    # with an edge, so that a light colour shows on a light theme
    painter.setPen(QPen(QColor(colours().muted), 2))
    painter.setBrush(colour)
    painter.drawRect(7, 7, 18, 18)
    painter.end()
    return _same_when_selected(pixmap)


def _dot(colour: QColor) -> QIcon:
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(6, 6, 20, 20)
    painter.end()
    return _same_when_selected(pixmap)


def _same_when_selected(pixmap: QPixmap) -> QIcon:
    """An icon whose colour means something: a selected row does not tint it."""
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
