"""Language of the window: Qt's translation files, and the function that texts go through.

How texts are written, and how a language is added, stands in docs/translating.md.
"""

from pathlib import Path

from PySide6.QtCore import QCoreApplication, QLibraryInfo, QLocale, QTranslator
from PySide6.QtWidgets import QApplication

from ferdesk.messages import Message
from ferdesk.paths import assets_folder
from ferdesk.settings import Language

NAMES: dict[Language, str] = {"en": "English", "zh_CN": "简体中文"}
"""Each language in its own words; these are never translated."""

_installed: list[QTranslator] = []


def tr(text: str, note: str = "", n: int = -1) -> str:
    """``text`` in the language of the window.

    Args:
        text: a literal, so that lupdate finds it; values are filled in afterwards:
            ``tr("Saved {path}.").format(path=path)``.
        note: tells the translator apart what English says with one word.
        n: the number that ``%n`` in ``text`` stands for; the translation has its plural forms.
    """
    return QCoreApplication.translate("", text, note, n)


def mark(text: str) -> str:
    """``text`` unchanged: marks a literal in a table for ``tr(variable)`` later on."""
    return text


def translated(text: str) -> str:
    """``text`` in the language of the window, where it is a ``Message`` from below the window."""
    if not isinstance(text, Message):
        return text
    values = {
        name: translated(value) if isinstance(value, str) else value
        for name, value in text.values.items()
    }
    return tr(text.template).format(**values)


def rows_text(count: int) -> str:
    """Rows of a session, counted, with separators between the thousands."""
    return tr("1 row") if count == 1 else tr("{count:,} rows").format(count=count)


def translations_folder() -> Path:
    return assets_folder() / "translations"


def wanted_language(language: Language) -> Language:
    """The language that ``language`` comes to: the system's own for ``system``, else English."""
    if language != "system":
        return language
    for name in QLocale.system().uiLanguages():
        locale = QLocale(name)
        if locale.language() is QLocale.Language.Chinese:
            return "zh_CN"
        if locale.language() is QLocale.Language.English:
            return "en"
    return "en"


def install_language(app: QApplication, language: Language) -> None:
    """Let every text made from now on be in ``language``; what is already shown stays."""
    for old in _installed:
        app.removeTranslator(old)
    _installed.clear()
    name = wanted_language(language)
    qt_folder = QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)
    # Qt's own texts (OK, Cancel, the colour dialog) come from its own files
    for file, folder in ((f"qtbase_{name}", qt_folder), (f"ferdesk_{name}", None)):
        translator = QTranslator(app)
        if translator.load(file, str(folder or translations_folder())):
            app.installTranslator(translator)
            _installed.append(translator)
    QLocale.setDefault(QLocale(name))


def label_text(label: str) -> str:
    """One of the seven labels in the language of the window."""
    return tr(_LABELS.get(label, label))


_LABELS = {
    "angry": mark("angry"),
    "disgust": mark("disgust"),
    "fear": mark("fear"),
    "happy": mark("happy"),
    "sad": mark("sad"),
    "surprise": mark("surprise"),
    "neutral": mark("neutral"),
}
