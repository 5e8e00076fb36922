"""Collect the window's texts into assets/translations/*.ts and compile those for Qt.

Texts that are gone are dropped, new ones are marked unfinished for a translator. With ``--check``
nothing is collected; the exit code is 1 where a text has no finished translation.
"""

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "assets" / "translations"
LANGUAGES = {"en": ["-pluralonly"], "zh_CN": []}
"""English is in the code; its file holds only the plural forms."""


def main() -> int:
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "ferdesk").rglob("*.py"))
    for language, options in LANGUAGES.items():
        ts = FOLDER / f"ferdesk_{language}.ts"
        if "--check" not in sys.argv:
            collect = ["-no-obsolete", "-locations", "none"]
            collect += ["-tr-function-alias", "tr+=mark,tr+=translatable"]
            target = ["-source-language", "en", "-target-language", language, *options]
            _run("pyside6-lupdate", *sources, *collect, *target, "-ts", str(ts))
            _run("pyside6-lrelease", "-silent", str(ts), "-qm", str(ts.with_suffix(".qm")))
    missing = [text for language in LANGUAGES for text in unfinished(language)]
    for text in missing:
        sys.stdout.write(f"no translation yet: {text!r}\n")
    return 1 if missing else 0


def unfinished(language: str) -> list[str]:
    """The texts of a language's file that no translator has finished."""
    tree = ElementTree.parse(FOLDER / f"ferdesk_{language}.ts")
    return [
        message.findtext("source", "")
        for message in tree.iter("message")
        if message.find("translation[@type='unfinished']") is not None
    ]


def _run(*command: str) -> None:
    subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    raise SystemExit(main())
