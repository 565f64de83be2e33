"""Operators' settings for a fragment's name, whichever release is live: its trust, and whether it is followed.

Public: `trust_of`, `set_trust`, `set_trust_of_live`, `set_follow`, `set_origins`, `origins_by_fragment`, `set_shown`,
`shown_of`, `RegistrationRefused`.
It is never the manifest's to say: whoever can publish would be what they say they are.
"""

from collections.abc import Sequence

from django.conf import settings

from shell.composition.release import NO_FOREIGN_ORIGINS, ForeignOrigins, Trust
from shell.frame_origins import frame_origin_problem
from shell.registry import models
from shell.registry.origins import base_of, origin_of
from shell.registry.serialized import serialized


class RegistrationRefused(Exception):
    """The message says what is wrong, and that nothing was changed."""


def trust_of(fragment: str) -> Trust:
    """How far `fragment` is trusted; a name that no operator spoke of is sandboxed."""
    row = models.Registration.objects.filter(fragment=fragment).first()
    return Trust(row.trust) if row else Trust.SANDBOXED


@serialized
def set_trust(fragment: str, trust: Trust, *, actor: str) -> bool:
    """Trust `fragment` this far; False when it was already. Running shells follow it as they follow a publish."""
    if trust_of(fragment) is trust:
        return False
    models.Registration.objects.update_or_create(fragment=fragment, defaults={"trust": trust})
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    models.AuditEntry.objects.create(
        actor=actor, action="trusted", fragment=fragment, release=live.release if live else None, detail=trust
    )
    return True


@serialized
def set_follow(fragment: str, follow: bool, *, actor: str) -> bool:
    """Whether shells publish by themselves what the origin deploys; False when it was so already.

    Raises `RegistrationRefused` for a name that is not live.
    """
    _check_live(fragment)
    row, _ = models.Registration.objects.get_or_create(fragment=fragment)
    if row.follow is follow:
        return False
    row.follow = follow
    row.save(update_fields=["follow"])
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    action = "follows" if follow else "unfollows"
    models.AuditEntry.objects.create(
        actor=actor, action=action, fragment=fragment, release=live.release if live else None
    )
    return True


@serialized
def set_origins(fragment: str, origins: Sequence[str], *, actor: str) -> bool:
    """The origins that `fragment` alone may be published from; none: those that nobody has. False when they were so.

    Raises `RegistrationRefused` for what is no origin.
    """
    for url in origins:
        if origin_of(url) is None or url.rstrip("/") != base_of(url):
            raise RegistrationRefused(
                f"{url[:100]!r} is no origin; write https://poll.example, with its port if any. Nothing was changed."
            )
    wanted = sorted({base_of(url) for url in origins})
    row, _ = models.Registration.objects.get_or_create(fragment=fragment)
    if row.origins == wanted:
        return False
    row.origins = wanted
    row.save(update_fields=["origins"])
    models.AuditEntry.objects.create(
        actor=actor, action="origins", fragment=fragment, detail=" ".join(wanted) or "any", changes_pages=False
    )
    return True


def shown_of(fragment: str) -> ForeignOrigins:
    """What of others `fragment` alone may show."""
    row = models.Registration.objects.filter(fragment=fragment).first()
    return ForeignOrigins(tuple(row.pictures), tuple(row.frames)) if row else NO_FOREIGN_ORIGINS


@serialized
def set_shown(
    fragment: str, *, pictures: Sequence[str] | None = None, frames: Sequence[str] | None = None, actor: str
) -> bool:
    """The foreign origins that `fragment` alone may show pictures of, and frame; None leaves a list as it is.

    False when they were so. Raises `RegistrationRefused` for what may not be shown.
    """
    given = {"pictures": pictures, "frames": frames}
    wanted = {kind: sorted(set(origins)) for kind, origins in given.items() if origins is not None}
    ours = (settings.PUBLIC_URL, settings.BFF_PUBLIC_URL)
    for origin in [each for origins in wanted.values() for each in origins]:
        wrong = frame_origin_problem(origin, ours=ours, hosts=settings.ALLOWED_HOSTS, local=settings.LOCAL)
        if wrong is not None:
            raise RegistrationRefused(f"{wrong}. Nothing was changed.")
    row, _ = models.Registration.objects.get_or_create(fragment=fragment)
    changed = {kind: origins for kind, origins in wanted.items() if getattr(row, kind) != origins}
    if not changed:
        return False
    for kind, origins in changed.items():
        setattr(row, kind, origins)
    row.save(update_fields=[*changed])
    detail = "; ".join(f"{kind}: {' '.join(origins) or 'none'}" for kind, origins in changed.items())
    models.AuditEntry.objects.create(actor=actor, action="shown", fragment=fragment, detail=detail)
    return True


def origins_by_fragment() -> dict[str, list[str]]:
    """What each fragment alone may be published from, of those that operators spoke of."""
    return {row.fragment: row.origins for row in models.Registration.objects.exclude(origins=[])}


def set_trust_of_live(fragment: str, trust: Trust, *, actor: str) -> bool:
    """The same for a name that is live; raises `RegistrationRefused` for any other, which may be misspelt."""
    _check_live(fragment)
    return set_trust(fragment, trust, actor=actor)


def _check_live(fragment: str) -> None:
    if not models.LiveRelease.objects.filter(fragment=fragment).exists():
        names = ", ".join(models.LiveRelease.objects.order_by("fragment").values_list("fragment", flat=True))
        raise RegistrationRefused(f"no release of {fragment} is live, so nothing was changed. Live: {names or 'none'}.")
