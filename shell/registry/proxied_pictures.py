"""A look at the pictures that content shows from below a static prefix: they are not copied, and a mistake is said.

Public: `ProxiedPicture`, `check_proxied`.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urldefrag, urljoin

from shell.composition.release import Release
from shell.registry.file_types import type_of, wanted_by
from shell.registry.references import Reach
from shell.registry.release_folder import Get, PublishRefused

_LOOKED_AT_MAX = 32


@dataclass(frozen=True, slots=True)
class ProxiedPicture:
    """As it was answered while publishing, by the fragment's own address for it."""

    address: str
    content_type: str
    body: bytes


async def check_proxied(
    get: Get, release: Release, addresses: Iterable[str]
) -> tuple[tuple[ProxiedPicture, ...], tuple[str, ...]]:
    """The first 32 of `addresses` that are there, and a note for each of them that is not. Hinders no publish."""
    looked_at = sorted(addresses)[:_LOOKED_AT_MAX]
    found = await asyncio.gather(*(_look(get, release, each) for each in looked_at))
    return (
        tuple(each for each in found if isinstance(each, ProxiedPicture)),
        tuple(each for each in found if isinstance(each, str)),
    )


async def _look(get: Get, release: Release, address: str) -> ProxiedPicture | str:
    url = urldefrag(urljoin(release.content_url(""), address)).url
    try:
        response = await get("mullion.static", url)
    except PublishRefused as refusal:
        return f"{refusal}; pages show no picture there while that is so"
    kind = type_of(response.headers.get("content-type"))
    if kind is None or Reach.PICTURE not in kind.reached_by:
        return f"mullion.static: {url} is none of {wanted_by(Reach.PICTURE)}; pages show no picture there"
    return ProxiedPicture(address, kind.content_type, response.body)
