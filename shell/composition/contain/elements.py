"""Which elements and attributes a fragment's HTML may hold. What is not listed does not reach the page.

Public: `Rules`, `HTML`, `SVG`, `CUSTOM`, `FRAME`, `NOTHING`, `REMOVED`, `SCRIPTED`,
`FORMATTING`, `TAME`, `is_custom`, `unlisted`, `other`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from shell.composition.contain import htmx, pattern, values
from shell.composition.contain.check import KEEP, Check
from shell.composition.contain.confine import REFERRING
from shell.composition.contain.links import Isolation, Reach
from shell.composition.contain.names import name_list

Attributes = Mapping[str, Check | None]


# What these ask only matters where a fragment shares its tree with the page.
_LIGHT_ONLY = (values.free_id, values.in_shadow, values.referring)


class Rules:
    """An element's attributes, by isolation: `checks` has None for those that stay whatever they say.

    `free` names these alone; `plain` says that most tags of the element hold nothing else.
    """

    __slots__ = ("checks", "free", "plain")

    def __init__(self, attributes: Attributes, *, plain: bool = False) -> None:
        shadow = {name: None if check in _LIGHT_ONLY else check for name, check in attributes.items()}
        self.checks: dict[Isolation, Attributes] = {"light": dict(attributes), "shadow": shadow}
        self.free: dict[Isolation, frozenset[str]] = {
            isolation: frozenset(name for name, check in checks.items() if check is KEEP)
            for isolation, checks in self.checks.items()
        }
        self.plain = plain


# Elements that an HTML parser reopens by itself where they were left open. Written with this prefix they are parsed
# like any other element: a few kilobytes can then not grow into millions of elements, and what was left open ends
# with its parent. `decode` lets no DEL pass, written out or referred to, so the prefix is taken off without a trace.
TAME = "x\x7f"
FORMATTING = tuple(name_list("a b big code em font i nobr s small strike strong tt u"))

# These go with everything in them; of any other element that is not listed, the content stays.
REMOVED = frozenset(
    name_list(
        "applet base basefont bgsound embed fencedframe frame frameset iframe link math meta noembed noframes object "
        "param plaintext portal script style title xmp"
    )
)


def _keep(names: str) -> dict[str, Check | None]:
    return dict.fromkeys(name_list(names), KEEP)


def _ask(**checks: Check) -> dict[str, Check | None]:
    return dict(checks)


_GLOBAL = _keep(
    "autocapitalize class contenteditable dir draggable enterkeyhint hidden inert inputmode itemprop itemscope "
    "itemtype lang part role slot spellcheck title translate "
    # Any other aria-* and data-* stays as well; these come so often that they are worth naming.
    "aria-current aria-expanded aria-hidden aria-label aria-live data-live data-live-refetch data-live-value"
) | _ask(id=values.free_id, tabindex=values.tab_index)
_GLOBAL |= dict.fromkeys(("aria-controls", "aria-describedby", "aria-labelledby"), values.referring)

_SIZED = _ask(height=values.measure, width=values.measure)
_LINK = _ask(href=values.link, target=values.window, rel=values.relation) | _keep("download hreflang type")
_CONTROL = _ask(name=values.field_name, id=values.field_id, form=values.in_shadow) | _keep("disabled")
_SUBMIT = _ask(formaction=values.own, formmethod=values.method_of_button, formtarget=values.window) | _keep(
    "formnovalidate"
)
_CELL = _ask(colspan=values.measure, rowspan=values.measure) | _ask(headers=values.referring) | _keep("abbr scope")
_PLAYER = (
    _ask(src=values.media, poster=values.picture)
    | _SIZED
    | _keep("autoplay controls controlslist crossorigin disablepictureinpicture disableremoteplayback loop muted")
    | _keep("playsinline preload")
)

_PLAIN = name_list(
    "abbr address article aside b bdi bdo big br caption cite code datalist dd dfn dialog div dl dt em figcaption "
    "figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i kbd legend main mark menu nav noscript p picture pre rp rt "
    "ruby s samp search section small span strike strong sub summary sup table tbody template tfoot thead tr tt u "
    "ul var wbr"
)

_OWN: dict[str, dict[str, Check | None]] = {
    "a": _LINK,
    "area": _LINK | _keep("alt coords shape"),
    "audio": _PLAYER,
    "blockquote": {},
    "button": _CONTROL | _SUBMIT | _keep("type value"),
    "canvas": _SIZED,
    "col": _ask(span=values.measure),
    "colgroup": _ask(span=values.measure),
    "data": _keep("value"),
    "del": _keep("datetime"),
    "details": _keep("name open"),
    "dialog": _keep("open"),
    "fieldset": _CONTROL,
    "form": _ask(action=values.own, method=values.method, target=values.window, name=values.in_shadow)
    | _keep("accept-charset autocomplete enctype novalidate"),
    "img": _ask(src=values.picture, srcset=values.pictures, usemap=values.within)
    | _ask(name=values.picture_name, id=values.field_id)
    | _SIZED
    | _ask(sizes=values.drawing)
    | _keep("alt crossorigin decoding fetchpriority ismap loading referrerpolicy"),
    "input": _CONTROL
    | _SUBMIT
    | _ask(src=values.picture, size=values.measure)
    | _SIZED
    | _keep(
        "accept alt autocomplete capture checked dirname max maxlength min minlength multiple "
        "placeholder readonly required step type value"
    )
    | _ask(pattern=pattern.bearable, list=values.referring),
    "ins": _keep("datetime"),
    "label": {"for": values.in_shadow},
    "li": _keep("value"),
    "map": _keep("name"),
    "meter": _keep("high low max min optimum value"),
    "ol": _keep("reversed start type"),
    "optgroup": _keep("disabled label"),
    "option": _keep("disabled label selected value"),
    "output": _CONTROL | {"for": values.referring},
    "progress": _keep("max value"),
    "q": {},
    "select": _CONTROL | _ask(size=values.measure) | _keep("autocomplete multiple required"),
    "source": _ask(src=values.media, srcset=values.pictures, media=values.drawing, sizes=values.drawing)
    | _SIZED
    | _keep("type"),
    "td": _CELL,
    "textarea": _CONTROL
    | _ask(cols=values.measure, rows=values.measure)
    | _keep("autocomplete dirname maxlength minlength placeholder readonly required wrap"),
    "th": _CELL,
    "time": _keep("datetime"),
    "track": _ask(src=values.media) | _keep("default kind label srclang"),
    "video": _PLAYER,
}

HTML = {tag: Rules(_GLOBAL, plain=True) for tag in _PLAIN}
HTML |= {tag: Rules(_GLOBAL | own, plain=all(check is KEEP for check in own.values())) for tag, own in _OWN.items()}
FRAME = Rules(
    _GLOBAL
    | _ask(src=values.frame, allow=values.permissions)
    | _SIZED
    | _keep("allowfullscreen loading referrerpolicy")
)
NOTHING = Rules({})
HTML |= {TAME + tag: HTML[tag] for tag in FORMATTING if tag in HTML}

# A presentation attribute is CSS to a browser, whichever it is: `mask` fetches pictures, and others may learn to.
_PRESENTATION = dict.fromkeys(
    name_list(
        "clip-path clip-rule color cursor display dominant-baseline fill fill-opacity fill-rule filter font-family "
        "font-size font-style font-weight letter-spacing marker-end marker-mid marker-start mask opacity overflow "
        "paint-order shape-rendering stop-color stop-opacity stroke stroke-dasharray stroke-dashoffset stroke-linecap "
        "stroke-linejoin stroke-miterlimit stroke-opacity stroke-width text-anchor text-rendering transform "
        "vector-effect visibility"
    ),
    values.drawing,
)
_SVG_GLOBAL = _keep("class focusable lang role") | _PRESENTATION | _ask(id=values.free_id, tabindex=values.tab_index)
_BOX = _keep("height width x y")
_GRADIENT = _keep("gradientUnits spreadMethod") | {
    "gradientTransform": values.drawing,
    "href": values.within,
    "xlink:href": values.within,
}
SVG = {
    tag: Rules(_SVG_GLOBAL | own)
    for tag, own in {
        "svg": _SIZED | _keep("x y preserveAspectRatio viewBox xmlns xmlns:xlink version"),
        "circle": _keep("cx cy pathLength r"),
        "clipPath": _keep("clipPathUnits"),
        "defs": {},
        "desc": {},
        "ellipse": _keep("cx cy pathLength rx ry"),
        "g": {},
        "line": _keep("pathLength x1 x2 y1 y2"),
        "linearGradient": _GRADIENT | _keep("x1 x2 y1 y2"),
        "marker": _keep("markerHeight markerUnits markerWidth orient preserveAspectRatio refX refY viewBox"),
        "mask": _BOX | _keep("maskContentUnits maskUnits"),
        "path": _keep("d pathLength"),
        "pattern": _BOX | _keep("patternContentUnits patternUnits viewBox") | _ask(patternTransform=values.drawing),
        "polygon": _keep("pathLength points"),
        "polyline": _keep("pathLength points"),
        "radialGradient": _GRADIENT | _keep("cx cy fr fx fy r"),
        "rect": _BOX | _keep("pathLength rx ry"),
        "stop": _keep("offset"),
        "symbol": _BOX | _keep("preserveAspectRatio refX refY viewBox"),
        "text": _keep("dx dy lengthAdjust rotate textLength x y"),
        "title": {},
        "tspan": _keep("dx dy lengthAdjust rotate textLength x y"),
        "use": _BOX | {"href": values.within, "xlink:href": values.within},
    }.items()
}

# A custom element has attributes of its own, but none of these: they are URLs or code wherever they stand.
CUSTOM = Rules(_GLOBAL | _ask(href=values.link, src=values.picture, name=values.field_name, id=values.field_id))
_NEVER = frozenset(
    name_list(
        "action background cite classid code codebase data formaction is longdesc manifest nonce ping poster popover "
        "popovertarget popovertargetaction profile srcdoc srcset style command commandfor autofocus accesskey target "
        "xmlns form formmethod formtarget"
    )
)
_CUSTOM_TAG = re.compile(r"[a-z][a-z0-9._]*-[a-z0-9._-]*")
# The shell's own elements, and names that SVG and MathML took.
_RESERVED = re.compile(r"fragment-.*|page-layout|mullion-.*|annotation-xml|color-profile|font-face.*|missing-glyph")
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9._-]*")


def is_custom(tag: str) -> bool:
    """Whether `tag` names a custom element that is not the shell's."""
    return _CUSTOM_TAG.fullmatch(tag) is not None and _RESERVED.fullmatch(tag) is None


# What the page's own scripts do more with than to show it. They read no other `data-*` of a fragment but as words.
SCRIPTED: Mapping[str, Check] = {
    "data-feeds": values.feeds,
    "data-live-to": values.writable,
    "data-needs": values.feeds,
    "data-needs-while": values.feeds,
    "data-stream": values.media,
    "data-stream-engine": values.engine,
}


def unlisted(_value: str, _reach: Reach) -> bool:
    """Stands for the check of an attribute that an element's rules do not name; `other` knows it."""
    return False


def _never(_value: str, _reach: Reach) -> bool:
    return False


@lru_cache(maxsize=4096)
def other(name: str, tag: str) -> Check | None:
    """What decides about an attribute that the rules of `tag` do not name."""
    if name.startswith(("hx-", "data-hx-")):
        return htmx.CHECKS.get(name, _never)
    if _ATTRIBUTE.fullmatch(name) is None or name.startswith(("on", "data-mullion", "shadowroot")):
        return _never
    if name in REFERRING and name.startswith("aria-"):
        return values.referring
    if name.startswith(("data-", "aria-")):
        return SCRIPTED.get(name, KEEP)
    return KEEP if is_custom(tag) and name not in _NEVER else _never
