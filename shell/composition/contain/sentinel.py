"""The shell's page in miniature, and the proof that HTML put into it stays where it was put.

Public: `survives`, `built`, `within`, `slot_of`, `page`, `SENTINELS`.
"""

from dataclasses import dataclass

import turbohtml
from turbohtml import Document, Node

from shell.composition.contain.links import Isolation

# Before the body stands what it could damage by closing it; behind it, one of everything that HTML left open in the
# body would swallow, move, reopen or ignore.
_BEFORE = (
    "<!DOCTYPE html>"
    '<html lang="en"><head><meta charset="utf-8"><title>Sentinel</title></head><body>'
    '<header><a href="/">Shell</a><form method="post" action="/sign-out/"><button>Sign out</button></form></header>'
    '<div id="notice" role="alert" hidden=""></div><main id="main" tabindex="-1">'
    '<page-layout data-prefix="/slots/page"><template shadowrootmode="open"><link rel="stylesheet" href="/assets/a">'
    '<div><h1>Page</h1><div><slot name="one"><p>1</p></slot></div><div><slot name="two"><p>2</p></slot></div>'
    '<div><slot name="three"><p>3</p></slot></div><div><slot name="four"><p>4</p></slot></div></div></template>\n'
    '<fragment-slot slot="one" id="slot-one"><template shadowrootmode="open"><link rel="stylesheet" href="/assets/b">'
    "<p>One</p><fragment-end></fragment-end></template></fragment-slot>\n"
    '<fragment-slot slot="two" id="slot-two">'
)
_AFTER = (
    "</fragment-slot>\n"
    '<fragment-slot slot="three" id="slot-three"><template shadowrootmode="open"><form action="/slots/page/three/a">'
    '<a href="/"><b>Three</b></a><select><option>1</option></select><table><tbody><tr><td>2</td></tr></tbody></table>'
    "<button>3</button></form><fragment-end></fragment-end></template></fragment-slot>\n"
    '<fragment-slot slot="four" id="slot-four"><p>Four</p><form action="/slots/page/four/a"><a href="/"><b>4</b></a>'
    "<ul><li>5</li></ul><table><tbody><tr><td>6</td></tr></tbody></table><select><option>7</option></select>"
    "<button>8</button></form><fragment-end></fragment-end></fragment-slot>\n"
    "</page-layout></main><footer><p>Shell</p></footer></body></html>"
)
_END = "<fragment-end></fragment-end>"
# The page that was written last stays where it is in memory: with nothing behind a freed tree, the C library hands the
# tree's pages back to the system and has them zeroed again for the next body. That took as long as to parse it.
_last = [""]


@dataclass(frozen=True, slots=True)
class Sentinel:
    """The page around a body, in two parts; each is written as a serialiser writes it."""

    before: str
    after: str


SENTINELS: dict[Isolation, Sentinel] = {
    "shadow": Sentinel(
        _BEFORE + '<template shadowrootmode="open"><link rel="stylesheet" href="/assets/c">',
        _END + "</template>" + _AFTER,
    ),
    "light": Sentinel(_BEFORE + '<link rel="stylesheet" href="/assets/c">', _END + _AFTER),
}


def page(html: str, isolation: Isolation) -> str:
    """The sentinel's page with `html` in its second slot."""
    around = SENTINELS[isolation]
    return around.before + html + around.after


def survives(html: str, isolation: Isolation, *, scripting: bool = False) -> str | None:
    """What a parser makes of `html` within the shell's page; None where the page itself comes out changed.

    Equal to `html` means that this very tree is what a browser builds.
    """
    return within(built(html, isolation, scripting=scripting), isolation)


def built(html: str, isolation: Isolation, *, scripting: bool = False) -> Document:
    """The tree of the sentinel's page around `html`.

    Declarative shadow roots are left as templates: the parser's steps are the same, and the serialised page shows them.
    """
    around = SENTINELS[isolation]
    return turbohtml.parse(
        around.before + html + around.after,
        positions=False,
        scripting=scripting,
        allow_declarative_shadow_roots=False,
    )


def within(document: Document, isolation: Isolation) -> str | None:
    """The content of the second slot of a page that was `built`; None where anything around it has changed."""
    around = SENTINELS[isolation]
    out = _last[0] = document.serialize()
    if not (out.startswith(around.before) and out.endswith(around.after)):
        return None
    if len(out) < len(around.before) + len(around.after):
        return None
    return out[len(around.before) : len(out) - len(around.after)]


def slot_of(document: Document) -> Node:
    """Where the body stands in a page that was `built` around one in a shadow root and came out as it was."""
    [slot] = document.find_all(id="slot-two", limit=1)
    [template] = slot
    return next(iter(template))
