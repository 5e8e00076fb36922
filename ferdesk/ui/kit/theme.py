"""Theme: two palettes, one style sheet, the colours of the seven, steady figures.

What is painted on or around the picture stays dark in both themes, as pictures need; everything
else asks ``colours()`` each time it paints, and so follows a change at once.
"""

from dataclasses import dataclass

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from ferdesk.core.palette import LABEL_COLOURS, NO_LABEL, PLATE, PLATE_ALPHA, PLATE_TEXT
from ferdesk.paths import assets_folder
from ferdesk.settings import ThemeChoice

GRID = 8
"""Every margin and gap is a multiple of this many pixels."""


@dataclass(frozen=True, slots=True)
class Theme:
    """Theme: the colours of the window; each text colour reads well on every surface (a test)."""

    canvas: str = "#0B0D10"
    surface: str = "#15181D"
    raised: str = "#22272E"
    line: str = "#2E343D"
    text: str = PLATE_TEXT
    muted: str = NO_LABEL
    disabled: str = "#6B7480"
    accent: str = "#2A63C7"
    accent_text: str = "#FFFFFF"
    focus: str = "#8AB4F8"
    amber: str = "#F2B84B"
    red: str = "#FF7B72"
    plate: str = PLATE
    plate_alpha: float = PLATE_ALPHA


DARK = Theme()
LIGHT = Theme(
    canvas="#FFFFFF",
    surface="#F6F7F9",
    raised="#E9ECF0",
    line="#CBD1D9",
    text="#171A1F",
    muted="#4C5663",
    disabled="#8B949F",
    accent="#1F57B8",
    accent_text="#FFFFFF",
    focus="#1F57B8",
    amber="#7A4F00",
    red="#A81F17",
)

_shown = DARK
_system_points = 0.0


def colours() -> Theme:
    """The theme that is shown now; ask again with each painting."""
    return _shown


def system_scheme() -> Qt.ColorScheme:
    return QGuiApplication.styleHints().colorScheme()


def theme_for(choice: ThemeChoice) -> Theme:
    """The theme that the user's choice comes to now; where the system does not say: dark."""
    if choice == "system":
        return LIGHT if system_scheme() is Qt.ColorScheme.Light else DARK
    return LIGHT if choice == "light" else DARK


def label_colour(label: str) -> QColor:
    return QColor(LABEL_COLOURS[label])


def plate_colour(theme: Theme = DARK) -> QColor:
    """The dark, slightly transparent ground of text on the picture."""
    colour = QColor(theme.plate)
    colour.setAlphaF(theme.plate_alpha)
    return colour


def contrast(first: QColor, second: QColor) -> float:
    """WCAG's contrast ratio of two opaque colours, 1 to 21."""
    low, high = sorted((_luminance(first), _luminance(second)))
    return (high + 0.05) / (low + 0.05)


def apply_theme(app: QApplication, theme: Theme = DARK, font_scale: float = 1.0) -> None:
    """Give the whole program its style, palette and type; widgets that are there follow."""
    global _shown, _system_points
    _shown = theme
    if app.style().objectName() != "fusion":
        app.setStyle("Fusion")
    app.setPalette(_palette(theme))
    font = tabular(app.font())
    _system_points = _system_points or font.pointSizeF()
    font.setPointSizeF(_system_points * font_scale)
    app.setFont(font)
    app.setStyleSheet(_style_sheet(theme, font.pointSizeF()))


def tabular(font: QFont) -> QFont:
    """``font`` with figures of one width, so that changing numbers do not dance."""
    font = QFont(font)
    font.setFeature(QFont.Tag("tnum"), 1)
    return font


def titled(widget: QWidget, factor: float = 1.25) -> QFont:
    """The font of headings beside ``widget``'s own text."""
    font = QFont(widget.font())
    font.setPointSizeF(font.pointSizeF() * factor)
    font.setWeight(QFont.Weight.DemiBold)
    return font


def _luminance(colour: QColor) -> float:
    def linear(share: float) -> float:
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(c) for c in (colour.redF(), colour.greenF(), colour.blueF()))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _palette(theme: Theme) -> QPalette:
    palette = QPalette()
    roles = {
        QPalette.ColorRole.Window: theme.surface,
        QPalette.ColorRole.WindowText: theme.text,
        QPalette.ColorRole.Base: theme.canvas,
        QPalette.ColorRole.AlternateBase: theme.raised,
        QPalette.ColorRole.Text: theme.text,
        QPalette.ColorRole.PlaceholderText: theme.muted,
        QPalette.ColorRole.Button: theme.raised,
        QPalette.ColorRole.ButtonText: theme.text,
        QPalette.ColorRole.BrightText: theme.red,
        QPalette.ColorRole.Highlight: theme.accent,
        QPalette.ColorRole.HighlightedText: theme.accent_text,
        QPalette.ColorRole.ToolTipBase: theme.raised,
        QPalette.ColorRole.ToolTipText: theme.text,
        QPalette.ColorRole.Link: theme.text,
        QPalette.ColorRole.Mid: theme.line,
        QPalette.ColorRole.Dark: theme.canvas,
        QPalette.ColorRole.Light: theme.line,
    }
    for role, colour in roles.items():
        palette.setColor(role, QColor(colour))
    for role in (
        QPalette.ColorRole.WindowText,
        QPalette.ColorRole.Text,
        QPalette.ColorRole.ButtonText,
    ):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor(theme.disabled))
    return palette


def _style_sheet(theme: Theme, points: float) -> str:
    checked = (assets_folder() / "icons" / "checked.svg").as_posix()
    return f"""
    QToolButton {{
        background: transparent; border: 1px solid transparent; border-radius: 4px;
        padding: 6px 12px; color: {theme.text};
    }}
    QDockWidget QToolButton {{ padding: 4px 6px; }}
    QFileDialog QToolButton {{ padding: 2px; }}
    QFileDialog QHeaderView::section {{ background: {theme.raised}; color: {theme.text};
        border: none; border-right: 1px solid {theme.line}; padding: 2px 8px; }}
    QToolButton:hover {{ background: {theme.raised}; }}
    QToolButton:pressed, QToolButton:checked {{ background: {theme.line}; }}
    QToolButton:focus {{ border-color: {theme.focus}; }}
    QToolButton:disabled {{ color: {theme.disabled}; }}
    QToolButton#inline {{ padding: 1px 8px; }}
    QToolButton#chip {{ background: {theme.accent}; color: {theme.accent_text};
        border-radius: 8px; padding: 1px 8px; }}
    QToolButton::menu-indicator {{ image: none; }}
    QToolButton#source, QToolButton#format {{ background: {theme.raised}; text-align: left; }}
    QToolButton#run {{ background: {theme.accent}; color: {theme.accent_text}; }}
    QToolButton#run:disabled {{ background: {theme.raised}; color: {theme.disabled}; }}
    QToolButton#run:checked {{ background: {theme.raised}; color: {theme.text}; }}
    QToolButton#record:checked {{ color: {theme.red}; }}
    QPushButton#primary {{ background: {theme.accent}; color: {theme.accent_text};
        border: 1px solid {theme.accent}; border-radius: 4px; padding: 8px 16px;
        font-weight: 600; }}
    QPushButton#primary:focus {{ border-color: {theme.focus}; }}
    QPushButton#secondary {{ background: {theme.raised}; color: {theme.text};
        border: 1px solid {theme.line}; border-radius: 4px; padding: 8px 16px; }}
    QPushButton#secondary:focus {{ border-color: {theme.focus}; }}
    QTabWidget::pane {{ border: none; border-top: 1px solid {theme.line}; }}
    QTabBar {{ qproperty-drawBase: 0; }}
    QTabBar::tab {{ padding: 6px 12px; color: {theme.muted}; border: none;
        border-bottom: 2px solid transparent; }}
    QTabBar::tab:hover {{ background: {theme.raised}; }}
    QTabBar::tab:selected {{ color: {theme.text}; border-bottom-color: {theme.focus}; }}
    QTabBar::tab:focus {{ background: {theme.raised}; }}
    QDialogButtonBox {{ dialogbuttonbox-buttons-have-icons: 0; }}
    QMenuBar {{ background: {theme.surface}; color: {theme.text}; }}
    QMenuBar::item {{ background: transparent; padding: 4px 8px; }}
    QMenuBar::item:selected {{ background: {theme.raised}; border-radius: 4px; }}
    QCheckBox::indicator {{ width: 14px; height: 14px; border: 1px solid {theme.muted};
        border-radius: 3px; background: {theme.canvas}; }}
    QCheckBox::indicator:checked {{ background: {theme.accent}; border-color: {theme.accent};
        image: url("{checked}"); }}
    QCheckBox::indicator:focus {{ border: 2px solid {theme.focus}; }}
    QCheckBox::indicator:disabled {{ border-color: {theme.disabled}; }}
    QRadioButton::indicator {{ width: 14px; height: 14px; border: 1px solid {theme.muted};
        border-radius: 8px; background: {theme.canvas}; }}
    QRadioButton::indicator:checked {{ width: 6px; height: 6px; border: 5px solid {theme.accent};
        background: {theme.accent_text}; }}
    QRadioButton::indicator:focus {{ border-color: {theme.focus}; }}
    QRadioButton::indicator:disabled {{ border-color: {theme.disabled}; }}
    QMenu {{ background: {theme.raised}; border: 1px solid {theme.line}; padding: 8px 0; }}
    QMenu::item {{ padding: 6px 24px 6px 32px; }}
    QMenu::item:selected {{ background: {theme.accent}; color: {theme.accent_text}; }}
    QMenu::item:disabled {{ color: {theme.disabled}; }}
    QMenu::icon {{ left: 8px; }}
    QMenu::indicator {{ width: 16px; height: 16px; left: 8px; }}
    QMenu::separator {{ height: 1px; background: {theme.line}; margin: 8px 0; }}
    QToolTip {{ background: {theme.raised}; color: {theme.text}; border: 1px solid {theme.line};
        padding: 4px; }}
    QTableWidget {{ background: transparent; border: none; outline: none;
        selection-background-color: {theme.raised}; selection-color: {theme.text}; }}
    QTableWidget:focus {{ selection-background-color: {theme.line}; }}
    QHeaderView {{ background: transparent; border: none; }}
    QTableView QHeaderView::section {{ background: transparent; border: none;
        color: {theme.muted}; padding: 0 4px; }}
    QScrollBar {{ background: {theme.surface}; }}
    QScrollBar:vertical {{ width: 14px; }}
    QScrollBar:horizontal {{ height: 14px; }}
    QScrollBar::handle {{ background: {theme.disabled}; border-radius: 4px; margin: 3px; }}
    QScrollBar::handle:vertical {{ min-height: 24px; }}
    QScrollBar::handle:horizontal {{ min-width: 24px; }}
    QScrollBar::handle:hover, QScrollBar::handle:pressed {{ background: {theme.muted}; }}
    QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
    QScrollBar::add-page, QScrollBar::sub-page {{ background: none; }}
    QMainWindow::separator {{ background: {theme.line}; width: 1px; height: 1px; }}
    QDockWidget::title {{ background: {theme.surface}; padding: 8px 16px 4px 16px; }}
    QDockWidget {{ color: {theme.muted}; }}
    QFrame#notice {{ background: {theme.raised}; border: 1px solid {theme.line};
        border-left: 3px solid {theme.muted}; border-radius: 4px; }}
    QFrame#notice[level="warning"] {{ border-left-color: {theme.amber}; }}
    QFrame#notice[level="error"] {{ border-left-color: {theme.red}; }}
    QLabel[role="heading"] {{ font-size: {1.25 * points:.1f}pt; font-weight: 600; }}
    QLabel[role="title"] {{ font-size: {1.6 * points:.1f}pt; font-weight: 600; }}
    QLabel[role="key"] {{ background: {theme.raised}; border: 1px solid {theme.line};
        border-radius: 4px; padding: 2px 8px; }}
    QLabel[role="muted"] {{ color: {theme.muted}; }}
    QLabel[role="amber"] {{ color: {theme.amber}; }}
    QLabel[role="red"] {{ color: {theme.red}; }}
    """
