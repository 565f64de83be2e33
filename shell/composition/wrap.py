"""The element that carries an outcome into the page: `<fragment-slot>`, its state, and the shell's own HTML around it.

Public: `Wrapper`.
"""

import random
from collections.abc import Mapping
from functools import lru_cache
from html import escape
from types import MappingProxyType

import msgspec
from django.template.loader import render_to_string
from django.utils import translation
from msgspec import structs

from bff.contracts.asset import Scope
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.assets import static_url
from shell.composition.contain.slot_places import inert_around
from shell.composition.form_keys import with_form_keys
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.nested import SLOT_END, filled, with_places
from shell.composition.outage import Markup
from shell.composition.page_names import PageNames
from shell.composition.release import Release
from shell.composition.retry_delay import bounds_ms, delay_ms

_SHELL_DRAWN = (State.STALE, State.PLACEHOLDER)
# What the bar over a stale copy is rendered with, once, before each copy's own moment stands there.
_AS_OF, _AT = "\0as-of\0", "\0at\0"

_NOTHING: Mapping[str, bytes] = MappingProxyType({})


class Wrapper:
    """Wraps outcomes. `chance` is where the jitter of the retry delays comes from."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()  # noqa: S311  it spreads load; nobody gains by guessing it
        # What every visit has in common is written once.
        self._frames: dict[tuple[object, ...], _Frame] = {}

    def wrap(
        self,
        included: Included,
        include: Include,
        page_names: PageNames | None = None,
        *,
        attempt: int = 0,
        inner: Mapping[str, bytes] = _NOTHING,
    ) -> bytes:
        """The slot's element, whole, with names that are free among `page_names`, none where it stands alone.

        `attempt` counts the retries before this one. `inner` has the elements of the slots inside it; without them
        their places stay empty.
        """
        element = with_form_keys(self._element(included, include, page_names, attempt))
        return filled(element, inner, light=_is_light(included)) if inner else element

    def _element(self, included: Included, include: Include, page_names: PageNames | None, attempt: int) -> bytes:
        if _is_light(included):
            html = (page_names or PageNames()).make_unique(included.html, included.slot.name)
            if html is not included.html:
                included = structs.replace(included, html=html, repeated=None)
        repeated = included.repeated
        if repeated is not None and included.html and not attempt and not (include.visit.receipts and include.receipt):
            markup = repeated.markup
            if markup is None:
                markup = repeated.markup = self._markup(included, include)
            return b"%b%d%b" % (markup.before, markup.low + markup.span * self._chance.random(), markup.after)
        before, after = self._markup_parts(included, include, attempt)
        if included.state is State.FRESH:
            return before + after
        delay = delay_ms(attempt, included.retry_after_ms, chance=self._chance)
        return b'%bdata-retry-ms="%d" %b' % (before, delay, after)

    def _markup(self, included: Included, include: Include) -> Markup:
        before, after = self._markup_parts(included, include, 0)
        low, high = bounds_ms(0, included.retry_after_ms)
        return Markup(before + b'data-retry-ms="', b'" ' + after, low, high - low)

    def _markup_parts(self, included: Included, include: Include, attempt: int) -> tuple[bytes, bytes]:
        """The element up to where its delay belongs, and from there on."""
        frame = self._frame(included, include, attempt)
        as_of = included.as_of.isoformat() if included.as_of else ""
        varying = f' data-as-of="{as_of}" data-ms="{included.ms}" '
        body = _body(included, include)
        if include.places:
            body = with_places(body, include.places)
        return frame.before + varying.encode(), b"".join((frame.after, body, frame.end))

    def _frame(self, included: Included, include: Include, attempt: int) -> "_Frame":
        release = included.release
        key = (
            included.slot.name,
            include.prefix,
            include.refetch_query,
            included.state,
            included.reason,
            release.digest if release else None,
            release.sandboxed if release else None,
            not included.html,
            attempt,
            included.version_seen,
            include.places,
        )
        frame = self._frames.get(key)
        if frame is None:
            if len(self._frames) >= _FRAMES_MAX:
                self._frames.clear()
            frame = self._frames[key] = _framed(included, include, attempt)
        return frame


# A flood of odd addresses empties the memory; it does not fill it.
_FRAMES_MAX = 4096


class _Frame(msgspec.Struct, frozen=True):
    """A slot's element without what varies from visit to visit, which stands between `before` and `after`."""

    before: bytes
    after: bytes
    end: bytes


def _framed(included: Included, include: Include, attempt: int) -> _Frame:
    slot, release, prefix, refetch_query = included.slot, included.release, include.prefix, include.refetch_query
    query = [escape(refetch_query)] if refetch_query else []
    attributes = {"slot": slot.name, "id": f"slot-{slot.name}", "data-prefix": prefix}
    if refetch_query:
        attributes["data-query"] = refetch_query
    attributes |= {
        "data-state": str(included.state),
        "data-reason": str(included.reason or ""),
        "data-version": included.version,
    }
    if slot.inside:
        attributes["data-inside"] = slot.inside
    if include.places:
        attributes["data-places"] = " ".join(include.places)
    if included.version_seen:
        attributes["data-version-seen"] = included.version_seen
    if release is not None:
        declared = release.manifest.mullion
        scripts, modules = (_scripts(included, release, classic=classic) for classic in (True, False))
        attributes |= {
            # What this release's stylesheets are scoped to where it stands in the shared tree.
            "data-fragment": release.fragment,
            "data-topics": " ".join(declared.topics),
            "data-feeds": " ".join(declared.feeds),
            "data-modules": modules,
        }
        if scripts:
            attributes["data-scripts"] = scripts
        if data := _script_data(included, release):
            attributes["data-script-data"] = data
    if included.state is not State.FRESH:
        query.append(f"attempt={attempt + 1}")
    address = escape(prefix) + ("?" + "&amp;".join(query) if query else "")
    # The end marker runs as the parser reaches it: the fragment works while later ones are still on their way.
    inner, end = _styles(included), "<fragment-end></fragment-end>"
    if _is_light(included):
        inner = _lifted(included) + inner
    else:
        inner, end = '<template shadowrootmode="open">' + inner, end + "</template>" + _lifted(included)
    return _Frame(
        f"<fragment-slot{_attributes(attributes)}".encode(),
        f'hx-get="{address}"{_SWAP}>{inner}'.encode(),
        end.encode() + SLOT_END,
    )


def _attributes(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())


_SWAP = _attributes({"hx-trigger": "mullion:swap", "hx-target": "this", "hx-swap": "outerHTML"})


def _is_light(included: Included) -> bool:
    """Whether the fragment's own HTML stands in the tree that all slots share; the shell's card never does."""
    release = included.release
    return bool(included.html) and release is not None and release.isolation == "light"


def _styles(included: Included) -> str:
    release = included.release if included.html else None
    links = [_link(release, key) for key in release.styles(_scope(included))] if release else []
    if included.state in _SHELL_DRAWN:
        links.append({"href": static_url("cards.css")})
    return "".join(f'<link rel="stylesheet"{_attributes(link)}>' for link in links)


def _link(release: Release, key: str) -> dict[str, str]:
    use = release.use(key)
    return {"href": release.address(key), **({"media": use.media} if use.media else {}), **dict(use.data)}


def _scripts(included: Included, release: Release, *, classic: bool) -> str:
    keys = release.scripts(_scope(included), classic=classic) if included.html else ()
    return " ".join(release.address(key) for key in keys)


def _script_data(included: Included, release: Release) -> str:
    """By the address of each script that runs what stands on its element, as JSON; empty where nothing does."""
    scope = _scope(included)
    keys = [*release.scripts(scope, classic=True), *release.scripts(scope, classic=False)] if included.html else []
    data = {release.address(key): dict(release.use(key).data) for key in keys if release.use(key).data}
    return msgspec.json.encode(data).decode() if data else ""


def _lifted(included: Included) -> str:
    """Outside of shadow roots: fonts and registered properties mean nothing in one."""
    release = included.release if included.html else None
    links = map(release.address, release.lifted) if release else ()
    return "".join(f'<link rel="stylesheet" href="{escape(link)}">' for link in links)


def _scope(included: Included) -> Scope:
    """The CSS scope of the HTML: the fragment's content (fresh or stale), or its fallback."""
    return "fallback" if included.state is State.FALLBACK else "content"


def _body(included: Included, include: Include) -> bytes:
    """The fragment's HTML, or the shell's own where there is none; a stale copy stands inert under its age.

    What stands inside it is another fragment's, and acts.
    """
    visit = include.visit
    if included.state is State.STALE and included.as_of is not None:
        bar = _stale_bar(visit.language).replace(_AS_OF, included.as_of.isoformat(timespec="seconds"))
        bar = bar.replace(_AT, included.as_of.strftime("%H:%M:%S"))
        if include.places:
            return bar.encode() + b'<div class="mullion-copy">' + inert_around(included.html) + b"</div>"
        return bar.encode() + b'<div class="mullion-copy" inert>' + included.html + b"</div>"
    if included.html:
        return included.html
    if included.reason is Reason.UNAUTHORISED:
        return _card("cards/sign_in.html", visit.language, visit.path).encode()
    return _card("cards/placeholder.html", visit.language, "").encode()


@lru_cache(maxsize=16)
def _stale_bar(language: str) -> str:
    with translation.override(language):
        return render_to_string("cards/stale.html", {"as_of": _AS_OF, "at": _AT})


@lru_cache(maxsize=256)
def _card(template: str, language: str, path: str) -> str:
    with translation.override(language):
        return render_to_string(template, {"path": path})
