"""Hostile bodies: written by hand in the text files beside this one, and built from parts.

In a text file a line `=== <name>` begins a body, which ends before the next such line. A body that could run a script
calls `ran()`; one that could reach out names `evil.example`.
Public: `Body`, `written`, `built`, `BODY`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from hypothesis import strategies as st

_HERE = Path(__file__).parent
_MARK = "=== "


@dataclass(frozen=True, slots=True)
class Body:
    """One hostile body; `name` says what it tries."""

    name: str
    html: str


def written() -> list[Body]:
    """Every body of the text files."""
    found: list[Body] = []
    for path in sorted(_HERE.glob("*.txt")):
        for part in path.read_bytes().decode().split(f"\n{_MARK}"):
            name, _, html = part.removeprefix(_MARK).partition("\n")
            found.append(Body(f"{path.stem}: {name}", html.removesuffix("\n")))
    return found


def _words(text: str) -> list[str]:
    return text.split()


_ELEMENTS = _words(
    """
    a abbr address applet area article audio b base blockquote body br button canvas caption center code col colgroup
    data datalist dd details dialog div dl dt em embed fieldset figure font footer form frame frameset h1 head header hr
    html i iframe image img input keygen label legend li link listing main map mark marquee math menu meta nav nobr
    noembed noframes noscript object ol optgroup option output p param picture plaintext pre progress ruby rp rt script
    section select slot small source span strike style summary svg table tbody td template textarea tfoot th thead time
    title tr track u ul var video wbr xmp x-a fragment-slot fragment-end page-layout
    """
)
_AROUND = (
    ("left open", "<{0}>in"),
    ("closed only", "in</{0}>out"),
    ("in itself", "<{0}>one<{0}>two</{0}>three</{0}>four"),
    ("in a table", "<table><{0}>in</{0}><tr><td><{0}>in</td></tr></table>out"),
    ("in a select", "<select><{0}><option>in</{0}></select>out"),
    ("in a drawing", "<svg><{0}><g></g></{0}></svg>out"),
    ("in a drawing's text", "<svg><desc><{0}>in</desc></{0}></svg>out"),
    ("in a formula's text", "<math><mtext><{0}>in</mtext></{0}></math>out"),
    ("in a template", "<template><{0}>in</{0}></template>out"),
    ("in a noscript", "<noscript><{0}>in</{0}></noscript>out"),
    ("in a paragraph, a link and bold text", "<p><a href='/1'><b><{0}>in</b></a></p></{0}>out"),
    ("before the end of its slot", "<{0}></template></fragment-slot>out"),
    ("with a handler", "<{0} onclick=ran() onload=ran() onfocus=ran() autofocus src=x href=javascript:ran()>in</{0}>"),
)


def built() -> Iterator[Body]:
    """Every element in every position that has rules of its own in an HTML parser."""
    for element, (where, pattern) in product(_ELEMENTS, _AROUND):
        yield Body(f"{element} {where}", pattern.format(element))


_VALUE = st.sampled_from(
    ["x", "", '"', "'", "`", "<", ">", "&lt;", "--&gt;", "</template>", "javascript:ran()", "//evil.example/",
     "/cashier/", "/slots/lobby/wallet/actions/a", "/slots/lobby/promotions", "#a", "open", "_top", "submit", "htmx"]
)  # fmt: skip
_ATTRIBUTE = st.builds(
    "{}={!r}".format,
    st.sampled_from(
        ["class", "id", "name", "href", "src", "action", "formaction", "method", "title", "onclick", "onerror", "style",
         "slot", "shadowrootmode", "hx-get", "data-hx-post", "hx-target", "xlink:href", "encoding", "form", "target"]
    ),
    _VALUE,
)  # fmt: skip
_NAME = st.sampled_from((*_ELEMENTS, "desc", "foreignObject", "mtext", "mi", "mglyph", "annotation-xml", "g", "path"))
_OPEN = st.builds(
    lambda name, attributes: f"<{' '.join([name, *attributes])}>", _NAME, st.lists(_ATTRIBUTE, max_size=2)
)
_CLOSE = st.builds("</{}>".format, _NAME)
_ODD = st.sampled_from(
    ["text", " ", "\n", "&amp;", "&lt;img src=x onerror=ran()&gt;", "<!--", "-->", "--!>", "<!-->", "<![CDATA[", "]]>",
     "<?x", "<!doctype html>", "</", "<", '"', "'", "/>", "<img src=x onerror=ran()>", "<script>ran()</script>", "é",
     "\u2028", "</template></fragment-slot>", "<template shadowrootmode=open>"]
)  # fmt: skip

BODY = st.lists(st.one_of(_OPEN, _OPEN, _CLOSE, _ODD), min_size=1, max_size=24).map("".join)
"""A hypothesis strategy: tags, ends and oddities in any order."""
