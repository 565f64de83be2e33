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
from shell.composition.include import Included
from shell.composition.page import Visit

_SHELL_DRAWN = (State.STALE, State.PLACEHOLDER)
# What the bar over a stale copy is rendered with, once, before each copy's own moment stands there.
_AS_OF, _AT = "\0as-of\0", "\0at\0"


class Wrapper:
    """Wraps outcomes. `chance` is where the jitter of the retry delays comes from."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._chance = chance or random.SystemRandom()

    def wrap(self, included: Included, visit: Visit, *, attempt: int = 0) -> bytes:
        """The slot's element, whole. `attempt` counts the retries before this one."""
        body = _body(included, visit)
        # The end marker runs as the parser reaches it: the fragment works while later ones are still on their way.
        inner = _styles(included) + body + b"<fragment-end></fragment-end>"
        shadow = included.release is None or included.release.manifest.mullion.isolation == "shadow"
        if shadow or not included.html:
            inner = b'<template shadowrootmode="open">' + inner + b"</template>"
        return _opening(self._attributes(included, visit, attempt)) + inner + b"</fragment-slot>\n"

    def _attributes(self, included: Included, visit: Visit, attempt: int) -> dict[str, str]:
        slot, release = included.slot, included.release
        prefix = visit.page.prefix(slot, visit.params)
        attributes = {
            "slot": slot.name,
            "id": f"slot-{slot.name}",
            "data-prefix": prefix,
            "data-state": str(included.state),
            "data-reason": str(included.reason or ""),
            "data-version": included.version,
            "data-as-of": included.as_of.isoformat() if included.as_of else "",
            "data-ms": str(included.ms),
        }
        if release is not None:
            extension = release.manifest.mullion
            attributes["data-topics"] = " ".join(extension.topics)
            attributes["data-feeds"] = " ".join(extension.feeds)
            attributes["data-modules"] = " ".join(f"/assets/{digest}" for digest in release.js) if included.html else ""
        query = [visit.query_string(slot)]
        if query[0]:
            attributes["data-query"] = query[0]
        if included.state is not State.FRESH:
            attributes["data-retry-ms"] = str(delay_ms(attempt, included.retry_after_ms, chance=self._chance))
            query.append(f"attempt={attempt + 1}")
        asked = "&".join(part for part in query if part)
        attributes["hx-get"] = f"{prefix}?{asked}" if asked else prefix
        attributes |= {"hx-trigger": "mullion:swap", "hx-target": "this", "hx-swap": "outerHTML"}
        return attributes


def _opening(attributes: Mapping[str, str]) -> bytes:
    text = "".join(f' {name}="{escape(value)}"' for name, value in attributes.items())
    return f"<fragment-slot{text}>".encode()


def _styles(included: Included) -> bytes:
    digests = included.release.css if included.release and included.html else ()
    links = [f"/assets/{digest}" for digest in digests]
    if included.state in _SHELL_DRAWN:
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
