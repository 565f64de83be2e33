"""Which elements and attributes a fragment's HTML may hold. What is not listed does not reach the page.

Public: `Rules`, `HTML`, `SVG`, `CUSTOM`, `FRAME`, `DATA_SCRIPT`, `SLOT`, `SHEET`, `MATH`, `NOTHING`, `REMOVED`,
`SCRIPTED`, `FORMATTING`, `TAME`, `is_custom`, `unlisted`, `other`.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from shell.composition.contain import drawings, formulas, htmx, pattern, values
from shell.composition.contain.check import KEEP, Attributes, Check, ask, keep
from shell.composition.contain.confine import REFERRING
from shell.composition.contain.links import Isolation, Reach
from shell.composition.contain.names import name_list

# These checks only matter where a fragment shares its tree with the page.
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
        "applet base basefont bgsound embed fencedframe frame frameset iframe link meta noembed noframes object "
        "param plaintext portal script style title xmp"
    )
)


_GLOBAL = keep(
    "autocapitalize class contenteditable dir draggable enterkeyhint hidden inert inputmode itemprop itemscope "
    "itemtype lang part role slot spellcheck title translate "
    # Any other aria-* and data-* stays as well; these come so often that they are worth naming.
    "aria-current aria-expanded aria-hidden aria-label aria-live data-live data-live-refetch data-live-value"
) | ask(id=values.free_id, tabindex=values.tab_index, style=values.style, popover=values.popover)
_GLOBAL |= dict.fromkeys(("aria-controls", "aria-describedby", "aria-labelledby"), values.referring)

_SIZED = ask(height=values.measure, width=values.measure)
_LINK = ask(href=values.link, target=values.window, rel=values.relation) | keep("download hreflang type")
_CONTROL = ask(name=values.field_name, id=values.field_id, form=values.referring) | keep("disabled")
# Elements that a button opens in the top layer of the page.
_INVOKING = ask(popovertarget=values.invoked, commandfor=values.invoked) | dict.fromkeys(
    ("popovertargetaction", "command"), values.trusted
)
_SUBMIT = ask(formaction=values.own, formmethod=values.method_of_button, formtarget=values.window) | keep(
    "formnovalidate"
)
_CELL = ask(colspan=values.measure, rowspan=values.measure) | ask(headers=values.referring) | keep("abbr scope")
_PLAYER = (
    ask(src=values.media, poster=values.picture)
    | _SIZED
    | keep("autoplay controls controlslist crossorigin disablepictureinpicture disableremoteplayback loop muted")
    | keep("playsinline preload")
)

_PLAIN = name_list(
    "abbr address article aside b bdi bdo big br caption cite code datalist dd dfn dialog div dl dt em figcaption "
    "figure footer h1 h2 h3 h4 h5 h6 header hgroup hr i kbd legend main mark menu nav noscript p picture pre rp rt "
    "ruby s samp search section small span strike strong sub summary sup table tbody tfoot thead tr tt u "
    "ul var wbr"
)

_OWN: dict[str, dict[str, Check | None]] = {
    "a": _LINK,
    "area": _LINK | keep("alt coords shape"),
    "audio": _PLAYER,
    "blockquote": {},
    "button": _CONTROL | _SUBMIT | _INVOKING | keep("type value"),
    "canvas": _SIZED,
    "col": ask(span=values.measure),
    "colgroup": ask(span=values.measure),
    "data": keep("value"),
    "del": keep("datetime"),
    "details": keep("name open"),
    "dialog": keep("open") | ask(closedby=values.trusted),
    "fieldset": _CONTROL,
    "form": ask(action=values.own, method=values.method, target=values.window, name=values.in_shadow)
    | keep("accept-charset autocomplete enctype novalidate"),
    "img": ask(src=values.picture, srcset=values.pictures, usemap=values.within)
    | ask(name=values.picture_name, id=values.field_id)
    | _SIZED
    | ask(sizes=values.drawing)
    | keep("alt crossorigin decoding fetchpriority ismap loading referrerpolicy"),
    "input": _CONTROL
    | _SUBMIT
    | ask(popovertarget=values.invoked, popovertargetaction=values.trusted)
    | ask(src=values.picture, size=values.measure)
    | _SIZED
    | keep(
        "accept alt autocomplete capture checked dirname max maxlength min minlength multiple "
        "placeholder readonly required step type value"
    )
    | ask(pattern=pattern.bearable, list=values.referring),
    "ins": keep("datetime"),
    "label": {"for": values.referring},
    "li": keep("value"),
    "map": keep("name"),
    "meter": keep("high low max min optimum value"),
    "ol": keep("reversed start type"),
    "optgroup": keep("disabled label"),
    "option": keep("disabled label selected value"),
    "output": _CONTROL | {"for": values.referring},
    "progress": keep("max value"),
    "q": {},
    "select": _CONTROL | ask(size=values.measure) | keep("autocomplete multiple required"),
    "source": ask(src=values.media, srcset=values.pictures, media=values.drawing, sizes=values.drawing)
    | _SIZED
    | keep("type"),
    "td": _CELL,
    "template": ask(shadowrootmode=values.root_mode) | keep("shadowrootdelegatesfocus"),
    "textarea": _CONTROL
    | ask(cols=values.measure, rows=values.measure)
    | keep("autocomplete dirname maxlength minlength placeholder readonly required wrap"),
    "th": _CELL,
    "time": keep("datetime"),
    "track": ask(src=values.media) | keep("default kind label srclang"),
    "video": _PLAYER,
}

HTML = {tag: Rules(_GLOBAL, plain=True) for tag in _PLAIN}
HTML |= {tag: Rules(_GLOBAL | own, plain=all(check is KEEP for check in own.values())) for tag, own in _OWN.items()}
FRAME = Rules(
    _GLOBAL
    | ask(src=values.frame, sandbox=values.frame_sandbox, allowfullscreen=values.trusted)
    | _SIZED
    | keep("loading referrerpolicy")
)
# Both stand in a shadow root that the body brings along, and nowhere else (`roots`).
SLOT = Rules(_GLOBAL | keep("name"))
SHEET = Rules(ask(href=values.sheet, media=values.drawing) | keep("rel type"))
DATA_SCRIPT = Rules(ask(id=values.free_id) | keep("class type"))
NOTHING = Rules({})
HTML |= {TAME + tag: HTML[tag] for tag in FORMATTING if tag in HTML}

SVG = {tag: Rules(attributes) for tag, attributes in drawings.ELEMENTS.items()}
MATH = {tag: Rules(attributes) for tag, attributes in formulas.ELEMENTS.items()}

# A custom element has attributes of its own, but none of these: they are URLs or code wherever they stand.
CUSTOM = Rules(_GLOBAL | ask(href=values.link, src=values.picture, name=values.field_name, id=values.field_id))
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


# Attributes that make the page's own scripts act. Any other `data-*` of a fragment is only shown as text.
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
