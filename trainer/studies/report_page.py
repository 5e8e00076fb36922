"""Markdown and HTML of a reproduction's report: numbers as text, tables, one page on its own."""

import base64
import html
import math
import re
from collections.abc import Sequence
from pathlib import Path

from trainer.data.fer2013 import USAGE, Split
from trainer.evaluation.cross_validation import Scheme
from trainer.evaluation.predictions import Test
from trainer.scoring.statistics import SeedAccuracy

SPLIT_NAMES: dict[Split, str] = {split: usage for usage, split in USAGE.items()}
SCHEME_NAMES: dict[Scheme, str] = {
    "stratified": "stratified 5 folds",
    "woman-out": "one woman left out",
}
NOT_RUN = "not run"


def percent_or_dash(percent: float | None) -> str:
    """Percent with one decimal, or a dash."""
    return "-" if percent is None else f"{percent:.1f}"


def percent(share: float) -> str:
    """Share as percent with one decimal, or a dash for NaN."""
    return "-" if math.isnan(share) else f"{100 * share:.1f}"


def share_of(value: float) -> str:
    """Share with two decimals, or a dash for NaN."""
    return "-" if math.isnan(value) else f"{value:.2f}"


def p_value(p: float) -> str:
    """P-value with three decimals."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def test_name(test: Test) -> str:
    """Name of a test for readers."""
    return {
        "public": "PublicTest",
        "private": "PrivateTest",
        "jaffe-stratified": "JAFFE, stratified",
        "jaffe-woman-out": "JAFFE, woman out",
    }[test]


def with_interval(found: SeedAccuracy) -> str:
    """Accuracy in percent with standard deviation, 95 % interval and number of seeds."""
    low, high = (100 * end for end in found.interval)
    deviation = "" if math.isnan(found.deviation) else f" ± {100 * found.deviation:.1f}"
    return f"{100 * found.mean:.1f}{deviation} ({low:.1f} to {high:.1f}; n = {found.num_seeds})"


def table_of(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table."""
    lines = [f"| {' | '.join(head)} |", f"| {' | '.join('---' for _ in head)} |"]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines)


_STYLE = """
body { font: 15px/1.55 system-ui, sans-serif; color: #1f2933; background: #fff;
  max-width: 76rem; margin: 2.5rem auto; padding: 0 1.25rem; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.2rem; margin-top: 2.4rem; }
table { border-collapse: collapse; font-size: .88rem; display: block; overflow-x: auto; }
th, td { padding: .35rem .7rem; text-align: left; border-bottom: 1px solid #e4e7eb; }
th { border-bottom: 2px solid #9fb3c8; }
code { background: #f0f4f8; padding: .1em .3em; border-radius: 3px; font-size: .92em; }
img { max-width: 100%; }
"""


def as_html(markdown: str, folder: Path) -> str:
    """HTML page of a report, with its pictures inside."""
    from markdown_it import MarkdownIt

    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)

    def inside(match: re.Match[str]) -> str:
        png = (folder / html.unescape(match.group(1))).read_bytes()
        return f'src="data:image/png;base64,{base64.b64encode(png).decode("ascii")}"'

    body = re.sub(r'src="([^":]+\.png)"', inside, body)
    title = html.escape(markdown.splitlines()[0].removeprefix("# "))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
    )
