"""Renders a primary slot's page metadata into the page's head: escaped, in the shell's own elements.

Public: `rendered_title`, `rendered_elements`, `page_head_of`.
"""

import json
from functools import lru_cache
from html import escape

import msgspec

from bff.contracts import headers
from bff.contracts.page_head import OpenGraph, PageHead, PageHeadRefused, read_page_head
from bff.resilience import log
from bff.resilience.message import Response
from shell.composition.include import Include

logger = log.get("page_head")
# What ends a script element, or could begin a comment or an entity in one, stands there as JSON's own escape.
_IN_SCRIPT = str.maketrans({char: f"\\u{ord(char):04x}" for char in "<>&'\u2028\u2029"})


def page_head_of(include: Include, response: Response) -> PageHead | None:
    """What `response` says of the page, if the pages table and the release let this slot speak for it.

    One that can not be used is as if it had not been sent, and the log says why, once.
    """
    release = include.published
    value = response.headers.get(headers.PAGE)
    if value is None or not (include.slot.primary and release.manifest.mullion.primary):
        return None
    try:
        return read_page_head(value)
    except PageHeadRefused as refusal:
        _log_refused(release.fragment, release.manifest.version, str(refusal)[:200])
        return None


@lru_cache(maxsize=256)
def _log_refused(fragment: str, version: str, why: str) -> None:
    logger.warning("page_head_refused", fragment=fragment, version=version, header=headers.PAGE, why=why)


def rendered_title(head: PageHead) -> str:
    """The words of the page's title, escaped; empty where the template's own stand."""
    return escape(" ".join(head.title.split()))


def rendered_elements(head: PageHead, origin: str) -> str:
    """All but the title. `origin` makes addresses whole."""
    graph, lines = head.open_graph, []
    shared_title = graph.title or head.title
    named = {"description": head.description, "robots": head.robots}
    lines += [f'<meta name="{name}" content="{escape(value)}">' for name, value in named.items() if value]
    if head.canonical:
        lines.append(f'<link rel="canonical" href="{escape(origin + head.canonical)}">')
    if graph != OpenGraph():
        properties = {
            "og:title": shared_title,
            "og:description": graph.description or head.description,
            "og:type": graph.type or "website",
            "og:url": origin + head.canonical if head.canonical else "",
            "og:image": origin + graph.image if graph.image else "",
            "og:image:alt": graph.image_alt,
        }
        lines += [f'<meta property="{name}" content="{escape(value)}">' for name, value in properties.items() if value]
    if head.json_ld is not None:
        lines.append(f'<script type="application/ld+json">{_as_data(head.json_ld)}</script>')
    return "".join(line + "\n" for line in lines)


def _as_data(value: dict[str, object]) -> str:
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, separators=(",", ":")).translate(_IN_SCRIPT)
