"""The element that carries an outcome into the page: `<fragment-slot>`, its state, and the shell's own words around it.

Public: `Wrapper`.
"""

import random
from collections.abc import Mapping
from functools import lru_cache
from html import escape

from django.template.loader import render_to_string
from django.utils import translation

from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from shell.composition.assets import static_url
from shell.composition.healing import delay_ms
from shell.composition.ladder import Included
from shell.composition.page import Visit

_SHELL_DRAWN = (State.STALE, State.PLACEHOLDER)
# What the bar over a stale copy is rendered with, once, before each copy's own moment stands there.
_AS_OF, _AT = "\0as-of\0", "\0at\0"


class Wrapper:
    """Wraps outcomes. `chance` is where the jitter of the retry delays comes from."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.Random()  # noqa: S311  it spreads load; nobody gains by guessing it

    def wrap(self, included: Included, visit: Visit, *, attempt: int = 0) -> bytes:
        """The slot's element, whole. `attempt` counts the retries before this one."""
        body = _body(included, visit)
        # The end marker runs as the parser reaches it: the fragment works while later ones are still on their way.
        inner = _styles(included) + body + b"<fragment-end></fragment-end>"
        shadow = included.release is None or included.release.manifest.mullion.isolation == "shadow"
        if shadow or not included.html:
            inner = b'<template shadowrootmode="open">' + inner + b"</template>"
        return self._opening(included, visit, attempt).encode() + inner + b"</fragment-slot>\n"

    def _opening(self, included: Included, visit: Visit, attempt: int) -> str:
        slot, release = included.slot, included.release
        prefix = visit.page.prefix(slot, visit.params)
        as_of = included.as_of.isoformat() if included.as_of else ""
        declared = ""
        if release is not None:
            said = release.manifest.mullion
            declared = _declared(said.topics, said.feeds, release.js if included.html else ())
        place, address = _place(slot.name, prefix)
        asked = escape(visit.asked_again(slot))
        query = [asked] if asked else []
        own, wait = (f' data-query="{asked}"' if asked else ""), ""
        if included.state is not State.FRESH:
            wait = f'data-retry-ms="{delay_ms(attempt, included.retry_after_ms, chance=self._chance)}" '
            query.append(f"attempt={attempt + 1}")
        address += "?" + "&amp;".join(query) if query else ""
        return (
            f"<fragment-slot{place}{own}{_stand(included.state, included.reason, included.version)}"
            f' data-as-of="{as_of}" data-ms="{included.ms}"{declared} {wait}hx-get="{address}"{_SWAP}>'
        )


# What every visit has in common is written once: in an outage, to write it anew was most of what a slot cost.


@lru_cache(maxsize=4096)
def _place(slot: str, prefix: str) -> tuple[str, str]:
    """The attributes that say which slot this is, and its prefix as an attribute's value."""
    return _written({"slot": slot, "id": f"slot-{slot}", "data-prefix": prefix}), escape(prefix)


@lru_cache(maxsize=1024)
def _stand(state: State, reason: Reason | None, version: str) -> str:
    return _written({"data-state": str(state), "data-reason": str(reason or ""), "data-version": version})


@lru_cache(maxsize=1024)
def _declared(topics: tuple[str, ...], feeds: tuple[str, ...], js: tuple[str, ...]) -> str:
    modules = " ".join(f"/assets/{digest}" for digest in js)
    return _written({"data-topics": " ".join(topics), "data-feeds": " ".join(feeds), "data-modules": modules})


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())


_SWAP = _written({"hx-trigger": "mullion:swap", "hx-target": "this", "hx-swap": "outerHTML"})


def _styles(included: Included) -> bytes:
    digests = included.release.css if included.release and included.html else ()
    return _links(digests, included.state in _SHELL_DRAWN)


@lru_cache(maxsize=1024)
def _links(digests: tuple[str, ...], shell_drawn: bool) -> bytes:
    links = [f"/assets/{digest}" for digest in digests]
    if shell_drawn:
        links.append(static_url("cards.css"))
    return "".join(f'<link rel="stylesheet" href="{link}">' for link in links).encode()


def _body(included: Included, visit: Visit) -> bytes:
    """The fragment's words, or the shell's own where there are none; a stale copy stands inert under its age."""
    if included.state is State.STALE and included.as_of is not None:
        bar = _stale_bar(visit.language).replace(_AS_OF, included.as_of.isoformat(timespec="seconds"))
        bar = bar.replace(_AT, included.as_of.strftime("%H:%M:%S"))
        return bar.encode() + b"<div inert>" + included.html + b"</div>"
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
