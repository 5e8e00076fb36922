"""Appearance: theme, text size and language, as the settings and the desktop want them."""

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QApplication

from ferdesk.settings import Settings
from ferdesk.ui.kit.focus import FocusRings
from ferdesk.ui.kit.icons import redraw_icons
from ferdesk.ui.kit.language import install_language, wanted_language
from ferdesk.ui.kit.theme import apply_theme, theme_for


class Appearance(QObject):
    """Appearance: applies the settings, and follows the desktop where they say ``system``."""

    language_changed = Signal()
    """Texts are in another language from now on; what is on the screen is to be built anew."""

    def __init__(self, app: QApplication, settings: Settings) -> None:
        super().__init__(app)
        self._app = app
        self._settings = settings
        self._shown: tuple[object, ...] = ()
        self.rings = FocusRings(app)
        self._language = wanted_language(settings.language)
        install_language(app, settings.language)
        app.styleHints().colorSchemeChanged.connect(self._follow)
        self._follow()

    @Slot(object)
    def apply(self, settings: Settings) -> None:
        self._settings = settings
        self._follow()
        language = wanted_language(settings.language)
        if language != self._language:
            self._language = language
            install_language(self._app, settings.language)
            self.language_changed.emit()

    @Slot()
    def _follow(self) -> None:
        theme = theme_for(self._settings.theme)
        wanted = (theme, self._settings.font_scale)
        # the style sheet visits every widget, so only a change is worth it
        if wanted != self._shown:
            self._shown = wanted
            apply_theme(self._app, theme, self._settings.font_scale)
            redraw_icons(self._app)
