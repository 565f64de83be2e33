"""Bearer tokens with which a team ships one fragment or one page: for that name and one purpose, for so many days.

Public: `Purpose`, `TokenView`, `MadeToken`, `TokenRefused`, `make_token`, `list_tokens`, `revoke_token`,
`ForeignToken`, `authenticate`, `token_within`.
A token is `mullion_<environment>_<prefix>_<secret>`, an older one has no environment. The prefix is shown and finds its
row; of the secret only the SHA-256 is stored: 256 random bits need no slow hash.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.utils.crypto import constant_time_compare

from shell.registry import models
from shell.registry.environment import this_environment
from shell.registry.serialized import serialized

DAYS_MAX = 366
DAYS_DEFAULT = 90
TOKENS_MAX = 50
# How old `last used` may be: a write a minute, however often a token comes.
USED_EVERY_S = 60
_TOKEN = re.compile(
    r"mullion_(?:(?P<environment>[a-z][a-z0-9-]{0,30})_)?(?P<prefix>[0-9a-f]{12})_(?P<secret>[A-Za-z0-9_-]{43})"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._/-]{0,63}")
# A page has its name behind `page:`.
_FRAGMENT = re.compile(r"(page:)?[A-Za-z0-9_-]{1,90}")


class Purpose(StrEnum):
    """What a token is for; each may do what those before it may."""

    READ = "read"
    PUBLISH = "publish"
    OPERATE = "operate"

    def covers(self, other: "Purpose") -> bool:
        """Whether a token of this purpose may do what is for `other`."""
        order = list(Purpose)
        return order.index(self) >= order.index(other)


class TokenRefused(Exception):
    """The message says what is wrong, and what to do."""


class ForeignToken(Exception):
    """The token is of another environment; the message says of which, and what to do."""

    def __init__(self, environment: str) -> None:
        super().__init__(
            f"This token is for {environment}, and this shell is {this_environment()}. Make a token here, or set "
            f"MULLION_URL to the shell of {environment}."
        )
        self.environment = environment


@dataclass(frozen=True, slots=True)
class TokenView:
    """A token as it is shown: everything but its secret. `state` is `valid`, `expired` or `revoked`."""

    prefix: str
    name: str
    fragment: str
    purpose: str
    state: str
    made_by: str
    made_at: datetime
    expires_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    environment: str


@dataclass(frozen=True, slots=True)
class MadeToken:
    """`token` is shown this once, and stored nowhere."""

    token: str
    shown: TokenView


@serialized
def make_token(fragment: str, purpose: Purpose, *, name: str, days: int, actor: str, now: datetime) -> MadeToken:
    """A token for `fragment`, which need not be published yet. `name` stands in the audit; raises `TokenRefused`."""
    if not _FRAGMENT.fullmatch(fragment):
        raise TokenRefused("a name has 1 to 90 letters, digits, _ and -; no token was made.")
    if not _NAME.fullmatch(name):
        raise TokenRefused("a token's name has 1 to 64 letters, digits, spaces and . _ / -; no token was made.")
    if not 1 <= days <= DAYS_MAX:
        raise TokenRefused(f"a token lives 1 to {DAYS_MAX} days; no token was made.")
    standing = models.Token.objects.filter(fragment=fragment, revoked_at=None, expires_at__gt=now).count()
    if standing >= TOKENS_MAX:
        raise TokenRefused(f"{fragment} has {standing} tokens that are valid; revoke one first. No token was made.")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    row = models.Token.objects.create(
        prefix=prefix,
        digest=_digest(secret),
        name=name,
        fragment=fragment,
        purpose=purpose,
        made_by=actor,
        made_at=now,
        expires_at=now + timedelta(days=days),
    )
    _audit(actor, "token_made", row)
    return MadeToken(f"mullion_{row.environment}_{prefix}_{secret}", _view(row, now))


def list_tokens(fragment: str, *, now: datetime) -> list[TokenView]:
    """The tokens of `fragment`, newest first, those that ended too."""
    return [_view(row, now) for row in models.Token.objects.filter(fragment=fragment).order_by("-made_at", "-pk")]


@transaction.atomic
def revoke_token(fragment: str, prefix: str, *, actor: str, now: datetime) -> TokenView:
    """End a token at once; one that ended stays as it is. Raises `TokenRefused` where `fragment` has none such."""
    row = models.Token.objects.select_for_update().filter(fragment=fragment, prefix=prefix).first()
    if row is None:
        raise TokenRefused(f"{fragment} has no token {prefix}; `token list` shows those that it has.")
    if row.revoked_at is None:
        row.revoked_at = now
        row.save(update_fields=["revoked_at"])
        _audit(actor, "token_revoked", row)
    return _view(row, now)


def authenticate(token: str, *, now: datetime) -> TokenView | None:
    """The owner of a token, whatever its state; None for an unknown one. Its use is recorded once a minute.

    Raises `ForeignToken` where it is of another environment: by what it says itself, and by its row, as that may stand
    in a database that was copied from there.
    """
    parsed = _TOKEN.fullmatch(token)
    if parsed is None:
        return None
    if (named := parsed["environment"]) and named != this_environment():
        raise ForeignToken(named)
    row = models.Token.objects.filter(prefix=parsed["prefix"]).first()
    if row is None or not constant_time_compare(_digest(parsed["secret"]), row.digest):
        return None
    if row.environment and row.environment != this_environment():
        raise ForeignToken(row.environment)
    shown = _view(row, now)
    if shown.state == "valid" and (
        row.last_used_at is None or now - row.last_used_at > timedelta(seconds=USED_EVERY_S)
    ):
        models.Token.objects.filter(pk=row.pk).update(last_used_at=now)
    return shown


def token_within(words: str) -> str:
    """The prefix of a token that stands somewhere in `words`, empty where none does."""
    found = _TOKEN.search(words)
    return found["prefix"] if found else ""


def _view(row: models.Token, now: datetime) -> TokenView:
    state = "revoked" if row.revoked_at else "expired" if row.expires_at <= now else "valid"
    return TokenView(
        prefix=row.prefix,
        name=row.name,
        fragment=row.fragment,
        purpose=row.purpose,
        state=state,
        made_by=row.made_by,
        made_at=row.made_at,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        environment=row.environment,
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _audit(actor: str, action: str, row: models.Token) -> None:
    models.AuditEntry.objects.create(
        actor=actor,
        action=action,
        fragment=row.fragment,
        detail=f"{row.prefix} {row.name}, for {row.purpose}, until {row.expires_at:%Y-%m-%d}",
        changes_pages=False,
    )
