"""The table of attributes as bodies: each attribute that may stay, with values that would do harm.

Public: `ATTACKS`, `INERT`, `Listed`, `listed`, `attacked`, `attacked_once`, `attacked_by_kind`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from shell.composition.contain import elements
from shell.composition.contain.elements import Rules
from shell.composition.contain.names import name_list
from tests.corpus.hostile.bodies import Body

# What each kind of value must not be. Every address that could be asked for names `evil.example` or is a path here.
ATTACKS = {
    "css": [
        "image-set('/sign-out/' 1x)",
        'image-set("https://evil.example/a" 1x)',
        "-webkit-image-set(url(https://evil.example/b) 1x)",
        "image('https://evil.example/c')",
        "src('https://evil.example/d')",
        "cross-fade(url(https://evil.example/e), red)",
        "url(https://evil.example/f)",
        "url('https://evil.example/g#h')",
        "u\\72l(https://evil.example/h)",
        "\\75\\52\\4c(//evil.example/i)",
        "image\\2dset('https://evil.example/j' 1x)",
        "URL(//evil.example/k)",
        "url(/sign-out/), url(#a)",
        "url(#a) url(https://evil.example/l)",
        "var(--x, image-set('https://evil.example/m' 1x))",
        "/* ' */ url(https://evil.example/n) /* ' */",
        "url(https://evil.example/o",
        "image-set('https://evil.example/p' 1x",
        'url( "https://evil.example/q',
        "element(#main)",
        "paint(x)",
        "attr(title type(<url>))",
        "url(data:image/svg+xml,<svg/>)",
        "(" * 40 + "1" + ")" * 40,
    ],
    "address": [
        "https://evil.example/x",
        "//evil.example/x",
        "javascript:ran()",
        " javascript:ran()",
        "java\tscript:ran()",
        "data:text/html,<script>ran()</script>",
        "/slots/lobby/promotions/actions/claim",
        "/slots/lobby/wallet/../promotions",
        "https:evil.example",
        "\\\\evil.example/x",
    ],
    "addresses": [
        "/assets/a 1x, https://evil.example/x 2x",
        "//evil.example/x 1x",
        "/assets/a 1x,https://evil.example/x",
        "data:image/png;base64,AA== 1x",
    ],
    "style": [
        "position: fixed; inset: 0",
        "z-index: 9",
        "margin: -99px",
        "margin-top: calc(0px - 99px)",
        "margin: var(--m-3)",
        "transform: scale(99)",
        "translate: 9px",
        "background: url(https://evil.example/s)",
        "--w: url(https://evil.example/s)",
        "--w: u\\72l(https://evil.example/s)",
        "--w: image-set('https://evil.example/s' 1x); background: var(--w)",
        "background: image-set('https://evil.example/s' 1x)",
        "background: var(--none, url(https://evil.example/s))",
        "width: 99999px",
        "color: red; } * { display: none",
        "color: red}; position: fixed",
        "po\\73ition: fixed",
        "position/**/: fixed",
        "color: red; position\t: fixed",
        "behavior: url(#x)",
        "-moz-binding: url(//evil.example/s)",
        "filter: url(//evil.example/s)",
        "cursor: url(//evil.example/s), auto",
        "content: url(//evil.example/s)",
        "list-style: url(//evil.example/s)",
        "font-family: url(//evil.example/s)",
        "mask: url(//evil.example/s)",
        "all: unset",
        "animation: x 1s",
        "transition: all 1s",
        "width: expression(ran())",
        "--m-x: {position: fixed}",
        "--m-x: }position: fixed",
        "--m-x: 'https://evil.example/s'",
        "--m-x: var(--m-y)",
        "--m-x: calc(1px * -99)",
        "box-shadow: 0 0 0 9999px red",
        "outline: 9999px solid red",
        "text-shadow: 999px 999px red",
    ],
    "name": ["main", "notice", "slot-one", "slot-four", "htmx", "#main", "one two main", "reality-check"],
}

# One of each kind, as a browser would follow it.
_OF_EACH_KIND = {
    "css": ["url(https://evil.example/f)"],
    "address": ["https://evil.example/x", "javascript:ran()"],
    "addresses": ["//evil.example/x 1x"],
    "style": ["position: fixed; inset: 0"],
    "name": ["main", "htmx"],
}
# Words, numbers and switches: whatever their value, a browser requests nothing and runs nothing.
INERT = frozenset(
    name_list("""
    shadowrootdelegatesfocus
    abbr accept accept-charset allowfullscreen alt autocapitalize autocomplete autoplay capture checked class
    clipPathUnits contenteditable controls controlslist coords crossorigin cx cy d datetime decoding default dir dirname
    disabled disablepictureinpicture disableremoteplayback download draggable dx dy enctype enterkeyhint fetchpriority
    focusable formnovalidate fr fx fy gradientUnits headers hidden high hreflang inert inputmode ismap itemprop
    itemscope itemtype kind label lang lengthAdjust list loading loop low markerHeight markerUnits markerWidth
    maskContentUnits maskUnits max maxlength min minlength multiple muted name novalidate offset open optimum orient
    pathLength patternContentUnits patternUnits placeholder playsinline points preload preserveAspectRatio r readonly
    refX refY referrerpolicy required reversed role rotate rx ry scope selected shape slot spellcheck spreadMethod
    part rel srclang start step textLength title translate type value version viewBox wrap x x1 x2 xmlns xmlns:xlink
    for height width y y1 y2
    accent accentunder align alttext columnalign columnlines columnspacing denomalign displaystyle encoding fence frame
    largeop mathvariant movablelimits numalign rowalign rowlines rowspacing scriptlevel separator stretchy symmetric
    aria-controls aria-current aria-describedby aria-expanded aria-hidden aria-label aria-labelledby aria-live
    data-live data-live-refetch data-live-value
    """)
)


@dataclass(frozen=True, slots=True)
class Listed:
    """One attribute of the table. `tag` and `name` are written as the table does."""

    tag: str
    name: str
    rules: Rules
    drawing: bool

    def html(self, value: str) -> str:
        """The element with `value`, where its kind stands."""
        inner = f'<{self.tag} {self.name}="{escape(value)}">in</{self.tag}>'
        if self.drawing:
            if self.tag in elements.MATH:
                return inner if self.tag == "math" else f"<math>{inner}</math>"
            return inner if self.tag == "svg" else f'<svg width="9" height="9">{inner}</svg>'
        return _AROUND.get(self.tag, "{}").format(inner)


_AROUND = {
    **dict.fromkeys(("td", "th"), "<table><tbody><tr>{}</tr></tbody></table>"),
    "tr": "<table><tbody>{}</tbody></table>",
    **dict.fromkeys(("tbody", "thead", "tfoot", "caption", "colgroup"), "<table>{}</table>"),
    "col": "<table><colgroup>{}</colgroup></table>",
    **dict.fromkeys(("option", "optgroup"), "<select>{}</select>"),
    **dict.fromkeys(("source", "track"), "<video>{}</video>"),
    "area": '<map name="m">{}</map>',
    **dict.fromkeys(("slot", "link"), '<div><template shadowrootmode="open">{}</template></div>'),
    "summary": "<details>{}</details>",
    "legend": "<fieldset>{}</fieldset>",
}


def listed() -> Iterator[Listed]:
    """Every attribute of every element that may stay."""
    rows = [*((tag, rules, False) for tag, rules in elements.HTML.items() if elements.TAME not in tag)]
    rows += [("iframe", elements.FRAME, False), ("x-card", elements.CUSTOM, False)]
    rows += [("slot", elements.SLOT, False), ("link", elements.SHEET, False)]
    rows += [(tag, rules, True) for tag, rules in elements.MATH.items()]
    rows += [(tag, rules, True) for tag, rules in elements.SVG.items()]
    for tag, rules, drawing in rows:
        for name in rules.checks["light"]:
            yield Listed(tag, name, rules, drawing)


def attacked() -> Iterator[Body]:
    """Every attribute with every attack, one body each; what all elements have stands on one of them."""
    return _bodies(_places())


def attacked_once() -> Iterator[Body]:
    """The same, but of the elements of a drawing whose attribute is looked at by the same checks the first alone."""
    first: dict[object, Listed] = {}
    for one in _places():
        checks = (one.tag in elements.MATH, *(checks[one.name] for checks in one.rules.checks.values()))
        first.setdefault((one.name, *checks) if one.drawing else one, one)
    return _bodies(first.values())


def attacked_by_kind() -> Iterator[Body]:
    """Every attribute on one of the elements that may have it: with every attack where its value is checked, and with
    one of each kind where it is words, a number or a switch, which no check tells apart."""
    places = {one.name: one for one in _places()}
    yield from _bodies(one for one in places.values() if one.name not in INERT)
    yield from _bodies((one for one in places.values() if one.name in INERT), _OF_EACH_KIND, scripted=())


def _places() -> Iterator[Listed]:
    everywhere = set(elements.HTML["p"].checks["light"])
    for one in listed():
        if one.drawing or one.tag == "p" or one.name not in everywhere:
            yield one


def _bodies(
    places: Iterable[Listed],
    attacks: Mapping[str, Sequence[str]] = ATTACKS,
    scripted: Iterable[str] = tuple(elements.SCRIPTED),
) -> Iterator[Body]:
    values = [attack for kind in attacks.values() for attack in kind]
    for one in places:
        yield Body(f"{one.name} of {one.tag}", "".join(map(one.html, values)))
    for name in scripted:
        html = "".join(f'<p {name}="{escape(attack)}">in</p>' for attack in values)
        yield Body(f"{name}, read by a script", html)
