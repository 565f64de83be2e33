"""Podlets that are run in a stock layout and here, for the table of the book. What is seen becomes the book's words.

Public: `CASES`. A case's `look` says in a few words what one side made of it; `why` is written where the two differ.
"""

import re
from typing import Any

from tests.support.podium.table import GONE, Case, Seen

_LONG_NAME = "n" * 100
_TYPES = {"css": "text/css", "js": "text/javascript"}


def _files(**bodies: str) -> dict[str, Any]:
    return {
        f"/{name.replace('_', '.')}": {"headers": {"content-type": _TYPES[name.rpartition("_")[2]]}, "body": body}
        for name, body in bodies.items()
    }


def _shown(words: str) -> Any:
    return lambda seen: "shown" if words in seen.html else "not shown"


def _asked(seen: Seen) -> str:
    return f"asked at `{seen.urls[-1]}`" if seen.urls else "not asked"


def _styles(html: str) -> list[str]:
    """Each stylesheet's medium."""
    links = re.findall(r"<link [^>]*rel=\"stylesheet\"[^>]*>", html)
    return [
        found[1] if (found := re.search(r'media="([^"]*)"', link)) else "" for link in links if "/static/" not in link
    ]


def _scripts(html: str) -> int:
    modules = re.findall(r'data-modules="([^"]+)"', html)
    return len(re.findall(r"<script ", html)) + sum(len(each.split()) for each in modules)


def _medium(seen: Seen) -> str:
    return "linked for " + ", ".join(f"`{medium}`" for medium in _styles(seen.html))


def _scoped(seen: Seen) -> str:
    content, fallback = (len(_styles(html)) for html in seen.htmls)
    return f"{content} of 2 styles with the content, {fallback} of 2 with the fallback"


def _runs(seen: Seen) -> str:
    return "its script is loaded" if _scripts(seen.html) else "its script is not loaded"


def _versions(seen: Seen) -> str:
    after = "shown" if "second" in seen.html else "not shown"
    skew = re.search(r'data-version-seen="([^"]+)"', seen.html)
    return after + (f", `data-version-seen` says {skew[1]}" if skew else "")


def _clicks(seen: Seen) -> str:
    if "onclick" in seen.html:
        return "stands"
    told = ", and publishing says so" if any("onclick" in note for note in seen.notes) else ""
    return f"taken out{told}"


_PLAIN = {"headers": {"content-type": "text/html"}, "body": "<p>plain</p>"}
_MODULE = {"js": [{"value": "/a.js", "type": "module"}], "files": _files(a_js="export default () => {}")}

CASES = (
    Case("content at `/content`", {"content": "/content"}, _asked),
    Case("content at `/`, a slot that asks for `/grid`", {"pages": {"/grid": "<p>grid</p>"}}, _asked, pathname="/grid"),
    Case(
        "the same, answered without a content type",
        {"pages": {"/grid": "<p>grid</p>"}},
        _shown("grid"),
        pathname="/grid",
    ),
    Case('`pathname: "/mounted"`', {"pathname": "/mounted"}, _asked),
    Case("slashes too many: `/a//b/`", {"content": "/a//b/"}, _asked),
    Case(
        "a query in `content`: `/c?x=1`",
        {
            "plain": True,
            "manifest_json": {"name": "podlet", "version": "1", "content": "/c?x=1"},
            "pages": {"/c": _PLAIN},
        },
        _asked,
        "the query of an address stays one",
    ),
    Case(
        "no Podium at all: a plain server that has a manifest",
        {"plain": True, "manifest_json": {"name": "podlet", "version": "1", "content": "/"}, "pages": {"/": _PLAIN}},
        _shown("plain"),
    ),
    Case("a name of 100 characters", {"name": _LONG_NAME}, _shown(f"{_LONG_NAME}: content")),
    Case(
        "`proxy` as a list",
        {"extend": {"proxy": [{"name": "api", "target": "/api"}]}},
        _shown("podlet: content"),
    ),
    Case(
        'a stylesheet with `media: "print"`',
        {"css": [{"value": "/a.css", "media": "print"}], "files": _files(a_css="p{}")},
        _medium,
    ),
    Case(
        'two stylesheets, one with `scope: "content"`, one with `"fallback"`',
        {
            "fallback": "/fallback",
            "css": [{"value": "/a.css", "scope": "content"}, {"value": "/b.css", "scope": "fallback"}],
            "files": _files(a_css="p{}", b_css="b{}"),
        },
        _scoped,
        then=GONE,
    ),
    Case("a script, from a team that operators trust", _MODULE, _runs),
    Case(
        "a script, from a new team",
        _MODULE,
        _runs,
        "a script in a page can do what the player can; an operator lets it in by name",
        trusted=False,
    ),
    Case(
        "a misspelt `strategy`: `lazyly`",
        {"js": [{"value": "/a.js", "strategy": "lazyly"}], "files": _files(a_js="1")},
        _runs,
        "a layout leaves such a script out without a word",
    ),
    Case(
        "a script that is not the one of its `integrity`",
        {"js": [{"value": "/a.js", "integrity": "sha256-AAAA"}], "files": _files(a_js="1")},
        _runs,
        "no browser would run it; here it is told before anybody sees it",
    ),
    Case(
        "a misspelt key: `mullion: {isolaton}`",
        {"extend": {"mullion": {"isolaton": "shadow"}}},
        _shown("podlet: content"),
        "a layout knows no such key, so nobody would notice",
    ),
    Case(
        "a new version at the same address",
        {"html": "<p>first</p>"},
        _versions,
        "a layout takes the new manifest unseen; here everybody sees it, and it goes through the checks of a publish: "
        "by hand, or by itself where an operator says `follow`",
        then={"html": "<p>second</p>", "version": "2.0.0"},
    ),
    Case(
        "`onclick` in its HTML",
        {"html": '<p onclick="x()">w</p>'},
        _clicks,
        "the page's policy runs no script in HTML",
    ),
)
