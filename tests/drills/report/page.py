"""A report as one HTML file that includes its styles and pictures, without a script.

Public: `html`.

The templates get text only and escape it; `safe` is used only for this file's own styles. A policy in the page forbids
every request and script.
"""

import re
from pathlib import Path

from django.template import Context, Engine

from tests.drills.report.view import Report

HERE = Path(__file__).parent
TOKENS = Path(__file__).parents[3] / "static" / "tokens.css"
# The light theme is in a query of its own in that file; paper uses it too.
_LIGHT = re.compile(r"@media \(prefers-color-scheme: light\) \{\s*(:root \{.*?\})\s*\}", re.DOTALL)
# Characters without a meaning in a report, some of which hide the text beside them.
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

_engine = Engine(dirs=[str(HERE / "templates")], autoescape=True)


def html(report: Report) -> str:
    """The page."""
    # Values are text already, because Django's formats for numbers and times would need a project's settings.
    context = Context({"report": report, "styles": _styles()}, use_l10n=False, use_tz=False)
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _engine.get_template("report.html").render(context))


def _styles() -> str:
    tokens = TOKENS.read_text("utf-8")
    light = _LIGHT.search(tokens)
    paper = f"@media print {{ {light[1]} }}" if light else ""
    return f"{tokens}\n{paper}\n{(HERE / 'templates' / 'report.css').read_text('utf-8')}"
