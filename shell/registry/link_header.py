"""Assets that a fragment names beside its HTML, in a `Link` header.

Public: `linked_assets`.
Source: `@podium/client` 5.4 (`parseLinkHeaders`): only links with `asset-type=style` or `asset-type=script` are assets.
"""

import re
from collections.abc import Mapping
from typing import Any, get_args

import msgspec

from bff.contracts.asset import Asset, Scope, Strategy

ASSETS_MAX = 16
# As long as a manifest may say them.
_TEXTS = {"type": 256, "rel": 256, "media": 256, "integrity": 1024}
_WORDS = {"scope": Scope, "strategy": Strategy}
_FLAGS = ("disabled", "nomodule")
_LINK = re.compile(r"\s*<([^<>]{1,2048})>([^,]*)(?:,|$)")


def linked_assets(values: list[str]) -> tuple[list[Asset], list[Asset]]:
    """(stylesheets, scripts) of these header values, in their order. What is not an asset is left alone."""
    found: dict[str, list[Asset]] = {"style": [], "script": []}
    for target, attributes in _LINK.findall(", ".join(values)):
        attribute_values = dict(_pair(part) for part in attributes.split(";") if "=" in part)
        kind = found.get(attribute_values.get("asset-type", "").lower())
        if kind is not None and len(kind) < ASSETS_MAX and target.strip():
            kind.append(msgspec.convert({"value": target.strip(), **_use(attribute_values)}, Asset))
    return found["style"], found["script"]


def _use(attributes: Mapping[str, str]) -> dict[str, Any]:
    """What decides whether and how a page uses it, as a manifest says that; a word that is none is left away."""
    use: dict[str, Any] = {name: attributes[name][:most] for name, most in _TEXTS.items() if name in attributes}
    for name, words in _WORDS.items():
        near = {word.lower(): word for word in get_args(words)}
        if word := near.get(attributes.get(name, "").lower()):
            use[name] = word
    return use | {name: attributes.get(name, "") not in ("", "false") for name in _FLAGS}


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip().strip('"')
