"""Plain text for widgets that guess whether a text is rich: what others wrote is never markup.

Names, labels and comments come with a session, perhaps from somebody else. As rich text they could
show what is not there, and a reference in them would be opened.
"""

from html import escape

from PySide6.QtGui import Qt


def plain(text: str) -> str:
    """``text`` for a tooltip, message or label, which then shows it exactly as it is written."""
    if not Qt.mightBeRichText(text):
        return text
    return f'<p style="white-space: pre-wrap">{escape(text)}</p>'


def without_mnemonics(text: str) -> str:
    """``text`` for a menu's entry or a button, in which ``&`` is shown and underlines nothing."""
    return text.replace("&", "&&")
