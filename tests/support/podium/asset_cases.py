"""Podlets whose stylesheets and scripts declare how they are loaded, for the table in the book of fragments.

Public: `ASSET_CASES`, and for the other cases `files`, `styles`, `medium`, `runs`.
"""

import json
import re
from html import unescape
from typing import Any

from tests.support.podium.table import Case, Seen

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def files(**bodies: str) -> dict[str, Any]:
    return {
        f"/{name.replace('_', '.')}": {"headers": {"content-type": _TYPES[name.rpartition("_")[2]]}, "body": body}
        for name, body in bodies.items()
    }


def styles(html: str) -> list[str]:
    """Each stylesheet's medium."""
    links = re.findall(r"<link [^>]*rel=\"stylesheet\"[^>]*>", html)
    return [
        found[1] if (found := re.search(r'media="([^"]*)"', link)) else "" for link in links if "/static/" not in link
    ]


def _scripts(html: str) -> int:
    modules = re.findall(r'data-(?:modules|scripts)="([^"]+)"', html)
    return len(re.findall(r"<script ", html)) + sum(len(each.split()) for each in modules)


def _written(seen: Seen) -> str:
    """The attributes of `data` on the element that loads the asset; a slot lists its scripts as JSON."""
    there = re.findall(r'<(?:script|link) [^>]*data-site="([^"]*)"', seen.html)
    for encoded in re.findall(r'data-script-data="([^"]+)"', seen.html):
        there += [each["data-site"] for each in json.loads(unescape(encoded)).values()]
    return f"`data-site` of its element is `{unescape(there[0])}`" if there else "no `data-site` on its element"


def _titles(seen: Seen) -> str:
    titled = re.findall(r'<link [^>]*title="([^"]*)"', seen.html)
    return f"linked under the title `{titled[0]}`" if titled else "linked for every reader" * bool(styles(seen.html))


def medium(seen: Seen) -> str:
    return "linked for " + ", ".join(f"`{each}`" for each in styles(seen.html))


def runs(seen: Seen) -> str:
    return "its script is loaded" if _scripts(seen.html) else "its script is not loaded"


def _site(kind: str, value: str, **more: str) -> dict[str, Any]:
    """A manifest of one asset with `data`, served as a plain file: the podlet package supports it for scripts only."""
    asset = {"value": f"/a.{kind}", "data": [{"key": "site", "value": value}], **more}
    return {"extend": {kind: [asset]}, "files": files(**{f"a_{kind}": "" if kind == "css" else "1"})}


ASSET_CASES = (
    Case("`data` of a script", _site("js", "harbour"), _written),
    Case("the same of a module", _site("js", "harbour", type="module"), _written),
    Case(
        "the same with a quote in it",
        _site("js", '{"a": 1}'),
        _written,
        "a layout writes it as HTML, where a quote ends it; here it ends nothing",
    ),
    Case(
        "the same of a stylesheet",
        _site("css", "harbour"),
        _written,
        "a layout has `data` for scripts alone",
    ),
    Case(
        "`data` that the page's own scripts would act upon: `live`",
        {"js": [{"value": "/a.js", "data": {"live": "wallet"}}], "files": files(a_js="1")},
        runs,
        "such a word is the shell's; any other name does",
    ),
    Case(
        "a script with `async`, `crossorigin`, `fetchpriority` and `referrerpolicy`",
        {
            "js": [
                {
                    "value": "/a.js",
                    "async": True,
                    "crossorigin": "anonymous",
                    "fetchpriority": "high",
                    "referrerpolicy": "origin",
                }
            ],
            "files": files(a_js="1"),
        },
        runs,
    ),
    *(
        Case(
            f'a script with `strategy: "{strategy}"`',
            {"js": [{"value": "/a.js", "strategy": strategy}], "files": files(a_js="1")},
            runs,
        )
        for strategy in ("beforeInteractive", "afterInteractive", "lazy")
    ),
    Case(
        "a stylesheet with a `title`",
        {"css": [{"value": "/a.css", "title": "harbour"}], "files": files(a_css="p{}")},
        _titles,
        "of stylesheets with different titles a browser uses one, whoever they are from",
    ),
)
