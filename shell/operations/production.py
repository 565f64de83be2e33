"""Settings with which production refuses to start: each is a system check with an error in one sentence.

Public: `unsafe`, `check_production`.
Keys are looked at where they are read, in `shell.settings`.
"""

import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register

TAG = "production"


@register(TAG)
def check_production(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
    """Nothing for a local run; else what would be unsafe on a public address."""
    return [] if settings.LOCAL else list(_problems())


def unsafe() -> list[str]:
    """What keeps the shell from being served, one sentence each."""
    return [f"{problem.id}: {problem.msg}" for problem in check_production(None) if isinstance(problem, Error)]


def _problems() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Error(
            "SHELL_ALLOWED_HOSTS lets every name in ('*'), so anybody's name would stand in links; name the hosts.",
            id="production.E001",
        )
    addresses = {"PUBLIC_URL": [settings.PUBLIC_URL], "BFF_PUBLIC_URL": [settings.BFF_PUBLIC_URL]}
    for name, urls in (
        addresses | {"MEDIA_ORIGINS": settings.MEDIA_ORIGINS, "FORM_ORIGINS": settings.FORM_ORIGINS}
    ).items():
        if plain := [url for url in urls if urlsplit(url).scheme != "https" or not urlsplit(url).hostname]:
            yield Error(
                f"{name} is {', '.join(plain)}, and browsers must reach all of this by https; set an https:// address.",
                id="production.E002",
            )
    if not _is_private_key(settings.PLAYER_CONTEXT_PRIVATE_KEY):
        yield Error(
            "PLAYER_CONTEXT_PRIVATE_KEY is no Ed25519 private key in PEM, so no fragment could learn who a player is.",
            id="production.E003",
        )
    if os.environ.get("PARTITION_KEY"):
        yield Warning(
            "PARTITION_KEY is set, so browsers whose mark it signed have guards of their own; leave it away where "
            "nobody tests.",
            id="production.W002",
        )
    if not settings.PROXY_HOPS.hops:
        yield Warning(
            "PROXY_HOPS names no proxy, so nobody's word for https is taken and every page is a redirect to it; "
            "name the proxy that ends TLS.",
            id="production.W001",
        )


def _is_private_key(pem: str) -> bool:
    try:
        return isinstance(load_pem_private_key(pem.encode(), password=None), Ed25519PrivateKey)
    except (ValueError, TypeError):
        return False
