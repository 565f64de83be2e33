"""The game providers of this installation, and what each may do.

Public: `GameProvider`, `read_providers`, `find`, `ProvidersBroken`.
"""

import tomllib
from pathlib import Path
from typing import Literal

import msgspec
from django.conf import settings

Protocol = Literal["mullion", "hub88"]


class ProvidersBroken(Exception):
    """The list of providers can not be used; the message names the entry and what is wrong with it."""


class GameProvider(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`key` checks its signatures: a shared secret, or an RSA public key as PEM; `key_file` holds it instead.

    `protocol` is what it speaks, and nothing else is taken from it. `prizes`: it may give wins without a bet.
    """

    key: str = ""
    key_file: str = ""
    protocol: Protocol = "mullion"
    prizes: bool = False


class _File(msgspec.Struct, forbid_unknown_fields=True):
    providers: dict[str, GameProvider]


def read_providers(path: str, usual: dict[str, GameProvider]) -> dict[str, GameProvider]:
    """The providers of the TOML file at `path` (none where it is empty), and those of `usual` that it does not name."""
    if not path:
        return usual
    try:
        found = msgspec.convert(tomllib.loads(Path(path).read_text("utf-8")), _File).providers
    except (OSError, ValueError) as error:
        raise ProvidersBroken(f"{path}: {error}") from error
    return usual | {name: _with_key(path, name, provider) for name, provider in found.items()}


def find(name: str) -> GameProvider:
    """The provider of this name; raises `KeyError` for a stranger."""
    provider: GameProvider = settings.GAME_PROVIDERS[name]
    return provider


def _with_key(path: str, name: str, provider: GameProvider) -> GameProvider:
    if not 0 < len(name) <= 32:
        raise ProvidersBroken(f"{path}: a provider's name has 1 to 32 characters")
    key = provider.key
    if provider.key_file:
        try:
            key = Path(provider.key_file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise ProvidersBroken(f"{path}: the key of {name} can not be read: {error}") from error
    if not key:
        raise ProvidersBroken(f"{path}: {name} has no key, so that nothing it sends could be checked")
    if provider.protocol == "hub88" and not key.startswith("-----BEGIN"):
        raise ProvidersBroken(f"{path}: {name} signs with RSA; its key must be the public one, as PEM")
    return msgspec.structs.replace(provider, key=key, key_file="")
