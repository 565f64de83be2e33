"""Podlets and the page around them, for the table in the book of fragments: head, parameters, a slot inside a slot.

Public: `PAGE_CASES`. `cases.py` has all else.
"""

import re
from urllib.parse import parse_qsl, unquote

from tests.support.podium.table import Case, PageAround, Seen

_TITLE = "Harbour Roulette"
_CART = "<p>two things</p>"
_PLACE = '<nav><slot name="cart"><a href="/cart/">Cart</a></slot></nav>'


def _titled(seen: Seen) -> str:
    """Where the page has the podlet's title."""
    head, _, body = seen.html.partition("</head>")
    if _TITLE in head:
        return "the title of the page" + (", with its description" if "Live and open" in head else "")
    noted = ", and publishing says so" if seen.notes else ""
    return "a title in the middle of the page" if _TITLE in body else f"not in the page{noted}"


def _address(seen: Seen) -> str:
    """The address as its author reads it: escapes may differ, the meaning may not."""
    pathname, _, query = seen.urls[-1].partition("?")
    names = ", ".join(f"`{name}` is `{value}`" for name, value in parse_qsl(query))
    return f"asked at `{unquote(pathname)}`" + (f", {names}" if names else "")


def _placed(seen: Seen) -> str:
    """The content of the nested place; if nothing fills it, what the podlet wrote there is shown."""
    if re.search(r'<fragment-slot [^>]*slot="cart".*two things', seen.html, re.DOTALL):
        return "the other slot"
    return "what it wrote there itself" if _PLACE in seen.html else "nothing"


PAGE_CASES = (
    Case(
        "a name for the page: the header `mullion-page`",
        {
            "pages": {
                "/": {
                    "headers": {
                        "content-type": "text/html",
                        "podlet-version": "1.0.0",
                        "mullion-page": f'{{"title": "{_TITLE}", "description": "Live and open"}}',
                    },
                    "body": "<p>w</p>",
                }
            },
            "extend": {"mullion": {"primary": True}},
        },
        _titled,
        "a layout names its pages itself",
        around=PageAround(primary=True),
    ),
    Case(
        "`<title>` in its HTML",
        {"html": f"<title>{_TITLE}</title><p>w</p>"},
        _titled,
        "a title in a body is none; the header `mullion-page` says it",
    ),
    Case(
        "a parameter of the page with blanks, colons and another script: `/rows/{row}`",
        {"pages": {"/rows/:row": "<p>row</p>"}},
        _address,
        pathname="/rows/{row}",
        around=PageAround(params={"row": "Стол 7: a b"}),
    ),
    Case(
        "the page's query: `page` and `q`",
        {},
        _address,
        around=PageAround(query={"page": "2", "q": "Стол 7: a b"}),
    ),
    Case(
        'a slot inside its own: `<slot name="cart">`',
        {"html": _PLACE, "pages": {"/cart": _CART}},
        _placed,
        "a layout would have to cut its HTML apart",
        around=PageAround(inside="cart"),
    ),
)
