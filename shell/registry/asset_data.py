"""The `data` of a manifest's assets, as pages write it on the elements that load them.

Public: `attributes_of`, `check_data`, `DATA_CHARS_MAX`, `Kind`.
A stylesheet's link stands in its slot, where scripts of the page look for their own words; a script's element stands in
the head, where they look for few.
"""

import re
from typing import Literal

from bff.contracts.asset import Asset
from bff.contracts.asset_data import DataRefused, data_attributes
from bff.contracts.manifest import Manifest, ManifestRefused
from shell.composition.contain.sandbox import may_act

Kind = Literal["css", "js"]
# Of all names and values together: they stand in each page that shows the fragment.
DATA_CHARS_MAX = 8192
# What scripts of the page look for in the whole document, beside what only a slot's own element has.
_PAGE_WIDE = re.compile(r"data-(?:hx|live|mullion|session)(?:-.*)?", re.DOTALL)


def attributes_of(kind: Kind, asset: Asset) -> tuple[tuple[str, str], ...]:
    """Names, each `data-…`, and values of what stands on its element; raises `DataRefused`."""
    attributes = data_attributes(asset.data)
    for name in attributes:
        if may_act(name) if kind == "css" else _PAGE_WIDE.fullmatch(name):
            raise DataRefused(f"{name} is a word of the page's own scripts. Give it another name, such as {_own(name)}")
    return tuple(attributes.items())


def check_data(manifest: Manifest) -> None:
    """Raises `ManifestRefused` for data that no page could write. Only publishing asks: what is live stays readable."""
    chars = 0
    for kind, index, asset in _assets(manifest):
        try:
            chars += sum(len(name) + len(value) for name, value in attributes_of(kind, asset))
        except DataRefused as refused:
            raise ManifestRefused(f"{refused} - at `$.{kind}[{index}].data{refused.at}`") from refused
        if chars > DATA_CHARS_MAX:
            raise ManifestRefused(
                f"the data of all assets has {DATA_CHARS_MAX} characters at most - at `$.{kind}[{index}].data`"
            )


def _assets(manifest: Manifest) -> list[tuple[Kind, int, Asset]]:
    css: list[tuple[Kind, int, Asset]] = [("css", index, asset) for index, asset in enumerate(manifest.css)]
    return css + [("js", index, asset) for index, asset in enumerate(manifest.js)]


def _own(name: str) -> str:
    return f"data-own-{name.removeprefix('data-')}"
