"""Who is looking: the signed cookie that lets the page path know a player without asking anybody.

Public: `Identity`, `encode`, `decode`, `Expired`.
"""

from dataclasses import astuple, dataclass

import msgspec
from django.core import signing

_SALT = "shell.players.identity.2"  # another number for another shape: what was signed before is not read
COOKIE_BYTES_MAX = 1024
# How long a genuine cookie that is too old still says who it was, for when nobody can be asked.
EXPIRED_AGE_S_MAX = 3600


@dataclass(frozen=True, slots=True)
class Identity:
    """`mark` stands for the session without being usable as one: a revocation names it.

    `since` is when the session began and `checked` when the player last looked up from the game: Unix seconds, 0 where
    nobody knows.
    """

    player: str
    name: str
    currency: str
    mark: str
    since: int = 0
    checked: int = 0


class Expired(Exception):
    """The cookie is genuine and too old; `identity` is what it said."""

    def __init__(self, identity: Identity) -> None:
        super().__init__("player cookie expired")
        self.identity = identity


def encode(identity: Identity) -> str:
    """The cookie's value, stamped now."""
    body = msgspec.json.encode(astuple(identity))
    return signing.TimestampSigner(salt=_SALT).sign(signing.b64_encode(body).decode())


def decode(value: str, *, age_s_max: int) -> Identity | None:
    """The identity in `value`, None when it is not ours, `Expired` when it is ours and too old."""
    if len(value) > COOKIE_BYTES_MAX:
        return None
    signer = signing.TimestampSigner(salt=_SALT)
    try:
        return _read(signer.unsign(value, max_age=age_s_max))
    except signing.SignatureExpired:
        pass
    except signing.BadSignature:
        return None
    try:
        raise Expired(_read(signer.unsign(value, max_age=EXPIRED_AGE_S_MAX)))
    except signing.SignatureExpired:
        return None


def _read(signed: str) -> Identity:
    # The signature has been checked: what is inside is what `encode` wrote.
    fields = msgspec.json.decode(signing.b64_decode(signed.encode()), type=tuple[str, str, str, str, int, int])
    return Identity(*fields)
