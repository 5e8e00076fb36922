"""Heatmap panel: on and off, which map, its opacity, its scale and what it means."""

from collections.abc import Mapping

from PySide6.QtCore import QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent, QStandardItemModel
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from ferdesk.core.heatmap import HeatColours, HeatmapChoice, display_range
from ferdesk.core.labels import LABELS
from ferdesk.core.types import MapName, MapPlace
from ferdesk.ui.kit.heatmap import MAP_MEANINGS, MAP_TITLES, scale_image
from ferdesk.ui.kit.language import label_text, mark, tr
from ferdesk.ui.kit.theme import GRID, colours

_NOT_THERE = mark(
    "This model has no such map. The bundled models have all three; "
    "ferdesk-train export adds them too."
)


class HeatmapScale(QWidget):
    """Heatmap scale: the colours between the two ends of the display range, with their numbers."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._place: MapPlace | None = None
        self._opacity = 1.0
        self._colours: HeatColours = "viridis"
        self._unit = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_range(
        self, place: MapPlace | None, opacity: float, colours: HeatColours = "viridis"
    ) -> None:
        self._place, self._opacity, self._colours = place, opacity, colours
        self.updateGeometry()
        if place is not None:
            self.setAccessibleName(
                tr("Scale from {low:.2f} to {high:.2f}").format(low=place.low, high=place.high)
            )
        self.update()

    def set_unit(self, unit: str) -> None:
        """What the numbers count, in a word or two."""
        self._unit = unit
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        lines = 1 if self._unit_fits() else 2
        return QSize(32 * GRID, GRID + 4 + lines * self.fontMetrics().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.updateGeometry()

    def _ends(self) -> tuple[str, str]:
        # what lies beyond an end is shown in that end's colour
        place = self._place
        return ("", "") if place is None else (f"≤ {place.low:.2f}", f"≥ {place.high:.2f}")

    def _unit_fits(self) -> bool:
        """Whether the unit stands between the two numbers without touching them."""
        wide = self.fontMetrics().horizontalAdvance
        beside = max(wide(end) for end in self._ends()) + GRID
        return wide(self._unit) + 2 * beside <= self.width()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._place is None:
            return
        painter = QPainter(self)
        strip = QRectF(0, 0, self.width(), GRID)
        # on grey, as on a picture: what is see-through here is see-through there
        painter.fillRect(strip, QColor(colours().line))
        painter.drawImage(strip, scale_image(self._opacity, self._colours))
        numbers = QRectF(0, GRID + 4, self.width(), self.fontMetrics().height())
        painter.setPen(QColor(colours().muted))
        low, high = self._ends()
        painter.drawText(numbers, Qt.AlignmentFlag.AlignLeft, low)
        painter.drawText(numbers, Qt.AlignmentFlag.AlignRight, high)
        unit = numbers if self._unit_fits() else numbers.translated(0, numbers.height())
        painter.drawText(unit, Qt.AlignmentFlag.AlignHCenter, self._unit)


class HeatmapPanel(QWidget):
    """Heatmap panel: ``choice`` is what the user wants to see."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._places: Mapping[MapName, MapPlace] | None = None
        self._colours: HeatColours = "viridis"
        self._in_oval = False
        self.switch = QCheckBox(tr("Show"), self)  # under the panel's title
        self.switch.setAccessibleName(tr("Show heatmap"))
        self.switch.setToolTip(tr("Show heatmap (H)"))
        self.maps = QComboBox(self)
        self.maps.setAccessibleName(tr("Map"))
        self.maps.setMinimumHeight(4 * GRID)
        for name, title in MAP_TITLES.items():
            self.maps.addItem(tr(title), name)
        self.label = QComboBox(self)
        self.label.setAccessibleName(tr("Expression of the class activation map"))
        self.label.setMinimumHeight(4 * GRID)
        self.label.addItem(tr("predicted label"), None)
        for label in LABELS:
            self.label.addItem(label_text(label), label)
        self.label.currentIndexChanged.connect(self._refresh)
        # its entries can be read whole; the dock makes itself wide enough
        self.maps.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.label.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.label.setMinimumContentsLength(8)
        self.opacity = QSlider(Qt.Orientation.Horizontal, self)
        self.opacity.setRange(0, 100)
        self.opacity.setAccessibleName(tr("Heatmap opacity"))
        self.figure = QLabel(self)
        self.figure.setMinimumWidth(self.fontMetrics().horizontalAdvance("100 %"))
        self.figure.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.scale = HeatmapScale(self)
        self.meaning = QLabel(self)
        self.meaning.setWordWrap(True)
        self.meaning.setProperty("role", "muted")
        self._lay_out()
        self.switch.toggled.connect(self._refresh)
        self.maps.currentIndexChanged.connect(self._refresh)
        self.opacity.valueChanged.connect(self._refresh)
        self._refresh()

    @property
    def choice(self) -> HeatmapChoice:
        wanted = self.switch.isChecked()
        label: str | None = self.label.currentData() if self.map_name == "cam" else None
        name = self.map_name if wanted else None
        opacity = self.opacity.value() / 100
        return HeatmapChoice(name, opacity, label, self._colours, self._in_oval)

    @property
    def places(self) -> Mapping[MapName, MapPlace]:
        """The maps of the model; none before one is known."""
        return self._places or {}

    @property
    def map_name(self) -> MapName:
        name: MapName = self.maps.currentData()
        return name

    def add_row(self, row: QWidget) -> None:
        """Put what else is drawn over faces under the heatmap's controls."""
        layout = self.layout()
        assert layout is not None
        layout.addWidget(row)

    def choose(
        self,
        *,
        on: bool,
        name: MapName,
        opacity: float,
        label: str = "",
        colours: HeatColours = "viridis",
        in_oval: bool = False,
    ) -> None:
        """Set the controls, as the settings remember them; no signal is sent."""
        with QSignalBlocker(self):
            self._colours, self._in_oval = colours, in_oval
            self.switch.setChecked(on)
            self.maps.setCurrentIndex(self.maps.findData(name))
            self.label.setCurrentIndex(self.label.findData(label or None))
            self.opacity.setValue(round(opacity * 100))
            self._refresh()

    def set_places(self, places: Mapping[MapName, MapPlace]) -> None:
        """The maps that the model has; the others are greyed."""
        if places == self._places:
            return
        self._places = places
        model = self.maps.model()
        assert isinstance(model, QStandardItemModel)
        for row, name in enumerate(MAP_TITLES):
            model.item(row).setEnabled(name in places)
            model.item(row).setToolTip("" if name in places else tr(_NOT_THERE))
        self._refresh()

    def _refresh(self) -> None:
        on = self.switch.isChecked()
        place = self.places.get(self.map_name)
        if place is not None:
            place = display_range(self.map_name, place)
        missing = self._places is not None and place is None
        self.strength.setVisible(on)
        self.figure.setText(f"{self.opacity.value()} %")
        self.scale.set_range(place if on else None, self.opacity.value() / 100, self._colours)
        self.scale.setVisible(on and place is not None)
        meaning = tr(MAP_MEANINGS[self.map_name])
        self.meaning.setText(tr(_NOT_THERE) if missing else meaning)
        self.choosing.setVisible(on and self.map_name == "cam" and not missing)
        self.scale.set_unit(
            tr("contribution to the score") if self.map_name == "cam" else tr("weight (0 to 1)")
        )
        self.meaning.setVisible(on)
        self.changed.emit()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(GRID)
        top.addWidget(self.switch)
        top.addWidget(self.maps, 1)
        self.choosing = QWidget(self)
        choosing = QHBoxLayout(self.choosing)
        choosing.setContentsMargins(0, 0, 0, 0)
        choosing.setSpacing(GRID)
        word = QLabel(tr("Evidence for"), self.choosing)
        word.setProperty("role", "muted")
        choosing.addWidget(word)
        choosing.addWidget(self.label, 1)
        self.strength = QWidget(self)
        strength = QHBoxLayout(self.strength)
        strength.setContentsMargins(0, 0, 0, 0)
        strength.setSpacing(GRID)
        word = QLabel(tr("Opacity"), self.strength)
        word.setProperty("role", "muted")
        strength.addWidget(word)
        strength.addWidget(self.opacity, 1)
        strength.addWidget(self.figure)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(top)
        layout.addWidget(self.choosing)
        layout.addWidget(self.strength)
        layout.addWidget(self.scale)
        layout.addWidget(self.meaning)
