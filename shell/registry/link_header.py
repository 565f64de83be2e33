"""Assets that a fragment names beside its HTML, in a `Link` header.

Public: `linked_assets`.
Source: `@podium/client` 5.4 (`parseLinkHeaders`): only links with `asset-type=style` or `asset-type=script` are assets.
"""

import re
from typing import get_args

import msgspec

from bff.contracts.asset import Asset, Scope

ASSETS_MAX = 16
_LINK = re.compile(r"\s*<([^<>]{1,2048})>([^,]*)(?:,|$)")


def linked_assets(values: list[str]) -> tuple[list[Asset], list[Asset]]:
    """(stylesheets, scripts) of these header values, in their order. What is not an asset is left alone."""
    found: dict[str, list[Asset]] = {"style": [], "script": []}
    for target, attributes in _LINK.findall(", ".join(values)):
        attribute_values = dict(_pair(part) for part in attributes.split(";") if "=" in part)
        kind = found.get(attribute_values.get("asset-type", ""))
        if kind is not None and len(kind) < ASSETS_MAX and target.strip():
            scope = attribute_values.get("scope", "all")
            use = {
                "scope": scope if scope in get_args(Scope) else "all",
                "media": attribute_values.get("media", "")[:256],
            }
            kind.append(msgspec.convert({"value": target.strip(), **use}, Asset))
    return found["style"], found["script"]


def _pair(part: str) -> tuple[str, str]:
    name, _, value = part.partition("=")
    return name.strip().lower(), value.strip().strip('"').lower()
