"""The signed player cookie, by which the page path authenticates a player without a look-up.

Public: `Identity`, `encode`, `decode`, `Expired`.
"""

from dataclasses import astuple, dataclass
from functools import lru_cache

import msgspec
from django.conf import settings
from django.core import signing

_SALT = "shell.players.identity.3"  # another number for another shape: what was signed before is not read
COOKIE_BYTES_MAX = 1024
_Fields = tuple[str, str, str, str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Identity:
    """`mark` stands for the session without being usable as one: a revocation names it.

    `since` is when the session began and `checked` when the player last looked up from the game: Unix seconds, 0 where
    nobody knows. `ends` is when the session ends by itself, in Unix seconds. `epoch` counts how often all sessions of
    the player were ended at once.
    """

    player: str
    name: str
    currency: str
    mark: str
    since: int = 0
    checked: int = 0
    epoch: int = 0
    ends: int = 2**40

    @property
    def session(self) -> str:
        """The session claim of a token that ends with this session."""
        return f"{self.mark}.{self.epoch}"


class Expired(Exception):
    """The cookie is genuine and too old; `identity` is its content."""

    def __init__(self, identity: Identity) -> None:
        super().__init__("player cookie expired")
        self.identity = identity


def encode(identity: Identity, *, now: float) -> str:
    """The cookie's value, stamped `now` (Unix seconds)."""
    body = msgspec.json.encode((int(now), astuple(identity)))
    return signing.Signer(salt=_SALT).sign(signing.b64_encode(body).decode())


def decode(value: str, *, age_s_max: int, now: float) -> Identity | None:
    """The identity in `value`; None when it is not ours, so old that nothing speaks for it, or its session has ended
    by itself; `Expired` when it is ours and older than `age_s_max` at `now` (Unix seconds).
    """
    if len(value) > COOKIE_BYTES_MAX:
        return None
    try:
        stamped_at, identity = _verified(value, settings.SECRET_KEY, tuple(settings.SECRET_KEY_FALLBACKS))
    except signing.BadSignature:
        return None
    age_s = now - stamped_at
    if age_s > settings.PLAYER_BELIEVED_S or identity.ends <= now:
        return None
    if age_s > age_s_max:
        raise Expired(identity)
    return identity


# A browser brings the same cookie with each of its requests. What is not genuine raises, so nothing is kept of it.
@lru_cache(maxsize=4096)
def _verified(value: str, key: str | bytes, fallback_keys: tuple[str | bytes, ...]) -> tuple[int, Identity]:
    """When the cookie was stamped and whom it names, if one of these keys has signed it; else `BadSignature`."""
    signed = signing.Signer(key=key, fallback_keys=list(fallback_keys), salt=_SALT).unsign(value)
    # The signature has been checked: what is inside is what `encode` wrote.
    stamped_at, fields = msgspec.json.decode(signing.b64_decode(signed.encode()), type=tuple[int, _Fields])
    return stamped_at, Identity(*fields)
