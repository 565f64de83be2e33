"""Podlets that are run in a stock Podium layout and in Mullion, for the table in the book of fragments.

Public: `CASES`. A case's `look` describes in a few words what one side shows; `why` is given where the two differ.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from tests.support.podium.asset_cases import ASSET_CASES, files, medium, runs, styles
from tests.support.podium.table import GONE, Answer, Call, Case, Seen

_LONG_NAME = "n" * 100


def _shown(words: str) -> Any:
    return lambda seen: "shown" if words in seen.html else "not shown"


def _requested(seen: Seen) -> str:
    return f"asked at `{seen.urls[-1]}`" if seen.urls else "not asked"


def _scoped(seen: Seen) -> str:
    content, fallback = (len(styles(html)) for html in seen.htmls)
    return f"{content} of 2 styles with the content, {fallback} of 2 with the fallback"


def _rooted(seen: Seen) -> str:
    """The podlet's own shadow root, and the stylesheets that it links."""
    brought = re.search(
        r'<(?:my-podlet|span)>\s*<template shadowrootmode="open">(.*?)</template>', seen.html, re.DOTALL
    )
    if not brought or "inside" not in brought[1]:
        return "not shown"
    return f"shown in its shadow root, with {len(styles(brought[1]))} of 1 styles"


def _fallen_back(seen: Seen) -> str:
    reason = re.search(r'data-state="fallback" data-reason="([^"]+)"', seen.html)
    return f"its fallback, as `{reason[1]}`" if reason else "an empty place in the page"


def _picture(seen: Seen) -> str:
    [source] = re.findall(r'<img[^>]* src="([^"]*)"', seen.html)
    if "/at-" in source:
        return "shown, from its own origin through the shell"
    return "shown, from the copy of its release" if source.startswith("/assets/") else "asked of the page's own origin"


def _leads(attribute: str) -> Callable[[Seen], str]:
    """The target of the link or the form in its HTML."""

    def look(seen: Seen) -> str:
        found = re.search(rf' {attribute}="([^"]*)"', seen.html.replace('<link href="', ""))
        address = found[1] if found else ""
        return "leads below its own public path" if address.startswith("/slots/") else "leads below the page's path"

    return look


def _standing(*words: str) -> Callable[[Seen], str]:
    """Which of `words` are in the page, and whether publishing warned about the others."""

    def look(seen: Seen) -> str:
        there = [f"`{word}`" for word in words if word in seen.html]
        noted = ", and publishing says so" if seen.notes else ""
        stands = " and ".join(there) + (" stand" if len(there) > 1 else " stands") if there else ""
        return stands + (f"; the rest is taken out{noted}" if there else f"taken out{noted}") * (
            len(there) < len(words)
        )

    return look


def _versions(seen: Seen) -> str:
    after = "shown" if "second" in seen.html else "not shown"
    skew = re.search(r'data-version-seen="([^"]+)"', seen.html)
    return after + (f", `data-version-seen` says {skew[1]}" if skew else "")


def _clicks(seen: Seen) -> str:
    if "onclick" in seen.html:
        return "stands"
    noted = ", and publishing says so" if any("onclick" in note for note in seen.notes) else ""
    return f"taken out{noted}"


def _answered(what: str, has: Callable[[Answer], bool]) -> Callable[[Seen], str]:
    """The status, and whether the script received `what`."""

    def look(seen: Seen) -> str:
        assert seen.answer is not None
        if seen.answer.status >= 400:
            return f"answered {seen.answer.status}"
        return f"answered {seen.answer.status}, {'with' if has(seen.answer) else 'without'} {what}"

    return look


def _echoed(*words: str) -> Callable[[Answer], bool]:
    return lambda answer: all(word in answer.body.decode() for word in words)


_API = {
    "proxy": [{"name": "more", "target": "/"}],
    "api": {"/echo{/*rest}": "echo", "/answer": "answer", "/file": "file"},
    "extend": {"mullion": {"visitors": ["more"]}},
}


def _headers(**headers: str) -> str:
    return "headers=" + quote(json.dumps({name.replace("_", "-"): value for name, value in headers.items()}))


_PLAIN = {"headers": {"content-type": "text/html"}, "body": "<p>plain</p>"}
_MODULE = {"js": [{"value": "/a.js", "type": "module"}], "files": files(a_js="export default () => {}")}

_ROOTED = {
    "name": "my-podlet",
    "useShadowDOM": True,
    "html": "<p>inside</p>",
    "css": [{"value": "/a.css", "strategy": "shadow-dom"}],
    "files": files(a_css=":host{}"),
}


CASES = (
    Case("content at `/content`", {"content": "/content"}, _requested),
    Case(
        "content at `/`, a slot that asks for `/grid`",
        {"pages": {"/grid": "<p>grid</p>"}},
        _requested,
        pathname="/grid",
    ),
    Case(
        "the same, answered without a content type",
        {"pages": {"/grid": "<p>grid</p>"}},
        _shown("grid"),
        pathname="/grid",
    ),
    Case('`pathname: "/mounted"`', {"pathname": "/mounted"}, _requested),
    Case("slashes too many: `/a//b/`", {"content": "/a//b/"}, _requested),
    Case(
        "a query in `content`: `/c?x=1`",
        {
            "plain": True,
            "manifest_json": {"name": "podlet", "version": "1", "content": "/c?x=1"},
            "pages": {"/c": _PLAIN},
        },
        _requested,
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
        {"css": [{"value": "/a.css", "media": "print"}], "files": files(a_css="p{}")},
        medium,
    ),
    Case(
        'two stylesheets, one with `scope: "content"`, one with `"fallback"`',
        {
            "fallback": "/fallback",
            "css": [{"value": "/a.css", "scope": "content"}, {"value": "/b.css", "scope": "fallback"}],
            "files": files(a_css="p{}", b_css="b{}"),
        },
        _scoped,
        then=GONE,
    ),
    Case("a script, from a team that operators trust", _MODULE, runs),
    Case(
        "a script, from a new team",
        _MODULE,
        runs,
        "a script in a page can do what the player can; an operator lets it in by name",
        trusted=False,
    ),
    Case("a script without a type", {"js": [{"value": "/a.js"}], "files": files(a_js="var a")}, runs),
    Case(
        "the same, and the podlet has gone: beside its fallback",
        {"fallback": "/fallback", "js": [{"value": "/a.js"}], "files": files(a_js="var a")},
        runs,
        "a script looks for what the content has and runs once that is there; one for the fallback says so by `scope`",
        then=GONE,
    ),
    *ASSET_CASES,
    Case("`team` in its manifest", {"extend": {"team": "harbour"}}, _shown("podlet: content")),
    Case("`useShadowDOM()`, and a stylesheet for that alone", _ROOTED, _rooted),
    Case("the same, from a new team", _ROOTED, _rooted, trusted=False),
    Case(
        "`useShadowDOM()`, and a script for that alone",
        {**_ROOTED, "css": [], "js": [{"value": "/a.js", "strategy": "shadow-dom"}], "files": files(a_js="1")},
        runs,
    ),
    Case(
        "HTML that a script in it would draw",
        {"html": "<div id=a></div><script>a.textContent = 1</script>", "fallback": "/fallback"},
        _fallen_back,
        "no script in HTML runs, so nothing of it would ever be seen; a slot is never well and blank",
    ),
    Case(
        'a picture of its own: `<img src="/a.svg">`',
        {"html": '<img src="/a.svg" alt="">', "files": files(a_svg="<svg/>")},
        _picture,
        "an address in HTML is the podlet's, wherever its HTML stands",
    ),
    Case(
        'a picture below `mullion: {static: ["/new"]}`, which changes without a publish',
        {
            "html": '<img src="/new/a.svg" alt="">',
            "files": {"/new/a.svg": files(a_svg="<svg/>")["/a.svg"]},
            "extend": {"mullion": {"static": ["/new"]}},
        },
        _picture,
        "the same; a page never meets the podlet's origin",
    ),
    Case(
        'a relative link: `<a href="next">`',
        {"html": '<a href="next">on</a>'},
        _leads("href"),
        "an address in HTML is the podlet's, wherever its HTML stands",
    ),
    Case(
        'a form with a relative address: `action="more/vote"`',
        {"html": '<form action="more/vote" method="post"><button>Vote</button></form>', **_API},
        _leads("action"),
        "the same: what is sent goes to the podlet's proxy",
    ),
    Case(
        '`style="width: 40%; position: fixed"`',
        {"html": '<p style="width: 40%; position: fixed">w</p>'},
        _standing("width: 40%", "position: fixed"),
        "nothing may lie over the rest of the page",
    ),
    Case(
        'a frame: `<iframe src="https://maps.example/x">`',
        {"html": '<p>w</p><iframe src="https://maps.example/x"></iframe>'},
        _standing("<iframe"),
        "an operator approves the origins of frames",
    ),
    Case(
        'a script that imports `"./gone.js"`, which is not there',
        {"js": [{"value": "/a.js", "type": "module"}], "files": files(a_js='import "./gone.js"')},
        runs,
        "it could not run; here it is told before anybody sees it",
    ),
    Case(
        "a misspelt `strategy`: `lazyly`",
        {"js": [{"value": "/a.js", "strategy": "lazyly"}], "files": files(a_js="1")},
        runs,
        "a layout leaves such a script out without a word",
    ),
    Case(
        "a script that is not the one of its `integrity`",
        {"js": [{"value": "/a.js", "integrity": "sha256-AAAA"}], "files": files(a_js="1")},
        runs,
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
        "a script that asks its own API, at any path and with a query",
        _API,
        lambda seen: f"its API is asked for `{json.loads(seen.answer.body)['url']}`" if seen.answer else "",
        "a layout's proxy drops the slash at the end",
        call=Call("more/echo/v1.2/rows/", query="q=a%20b"),
    ),
    Case(
        "a script that sends JSON with PATCH",
        _API,
        _answered("its body", _echoed('"method":"PATCH"', '"bytes":8')),
        call=Call("more/echo", "PATCH", body=b'{"a": 1}'),
    ),
    Case(
        "a download from its API",
        _API,
        _answered("its name", lambda answer: "content-disposition" in answer.headers),
        call=Call("more/file"),
    ),
    Case(
        "an error of its API: 422",
        _API,
        lambda seen: f"answered {seen.answer.status}, {seen.answer.body.decode()!r}" if seen.answer else "",
        call=Call("more/answer", "POST", query="status=422&body=said"),
    ),
    Case(
        "its API, and nobody signed in",
        {**_API, "extend": {}},
        _answered("its body", _echoed("GET")),
        "a proxy answers players; `mullion.visitors` names those that answer everybody",
        call=Call("more/echo"),
    ),
    Case(
        "its API, and a browser's cookies",
        _API,
        _answered("the browser's cookie", _echoed("odd=1")),
        "the site's cookies are the player's session; a fragment gets a token for itself alone",
        call=Call("more/echo"),
    ),
    Case(
        "`Set-Cookie` from its API",
        _API,
        _answered("a cookie set", lambda answer: "set-cookie" in answer.headers),
        "a cookie would be the whole site's",
        call=Call("more/answer", query=_headers(set_cookie="a=b")),
    ),
    Case(
        "JavaScript from its API",
        _API,
        _answered("script", _echoed("alert")),
        "what a proxy answers is data: scripts are published with the release",
        call=Call("more/answer", query=_headers(content_type="text/javascript") + "&body=alert(1)"),
    ),
    Case(
        "`onclick` in its HTML",
        {"html": '<p onclick="x()">w</p>'},
        _clicks,
        "the page's policy runs no script in HTML",
    ),
)
