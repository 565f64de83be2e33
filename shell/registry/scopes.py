"""The scopes that operators give a fragment, whichever page it stands on.

Public: `scopes_of`, `live_scopes`, `set_scopes`, `ScopesRefused`.
"""

import re
from collections.abc import Iterable

from shell.registry import models
from shell.registry.serialized import serialized

SCOPES_MAX = 32
_SCOPE = re.compile(r"[a-z][a-z0-9_-]{0,31}(\.[a-z][a-z0-9_-]{0,31}){0,3}")
_FRAGMENT = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ScopesRefused(Exception):
    """The message says what is wrong, and that nothing was changed."""


def scopes_of(rows: Iterable[models.Registration]) -> dict[str, frozenset[str]]:
    """Those of the fragments that the registry says them of; of all others the pages table does."""
    return {row.fragment: frozenset(row.scopes) for row in rows if row.scopes is not None}


def live_scopes() -> dict[str, frozenset[str]]:
    """The same, from the database."""
    return scopes_of(models.Registration.objects.exclude(scopes=None))


@serialized
def set_scopes(fragment: str, scopes: Iterable[str], *, actor: str) -> bool:
    """Let `fragment`, which need not be published yet, do this for a player and no more; False where it was so.

    Raises `ScopesRefused`. Running shells follow it as they follow a publish.
    """
    given = sorted(set(scopes))
    if not _FRAGMENT.fullmatch(fragment):
        raise ScopesRefused("a fragment's name has 1 to 100 letters, digits, _ and -; nothing was changed.")
    if odd := [each for each in given if not _SCOPE.fullmatch(each)]:
        raise ScopesRefused(f"{odd[0][:60]!r} is no scope such as wallet.read; nothing was changed.")
    if len(given) > SCOPES_MAX:
        raise ScopesRefused(f"a fragment has at most {SCOPES_MAX} scopes; nothing was changed.")
    row, _ = models.Registration.objects.get_or_create(fragment=fragment)
    if row.scopes == given:
        return False
    row.scopes = given
    row.save(update_fields=["scopes"])
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    models.AuditEntry.objects.create(
        actor=actor,
        action="scoped",
        fragment=fragment,
        release=live.release if live else None,
        detail=" ".join(given) or "none",
    )
    return True
