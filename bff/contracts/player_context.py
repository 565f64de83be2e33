"""The player context of a request: a signed, short-lived token from the shell to one fragment.

A JWT signed with Ed25519: only the shell holds the private key, everybody may check with the public one.

An audience is a fragment's name, or `<kind>:<name>` for whoever is no fragment: `live:socket` (the live socket's
tickets), `game:<code>` (a game provider). No fragment's name holds a colon, so neither can pass for the other.

Public: `PlayerContext`, `ContextRefused`, `mint`, `check`, `is_fragment`, `new_key_pair`, `LIVE_AUDIENCE`.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from bff.contracts.manifest import NAME_PATTERN

ISSUER = "mullion-shell"
LIVE_AUDIENCE = "live:socket"
TOKEN_BYTES_MAX = 4096
_FRAGMENT = re.compile(NAME_PATTERN.removesuffix("$"))


@dataclass(frozen=True, slots=True)
class PlayerContext:
    """`player` is the player's id; `audience` the one it was minted for; `scopes` what that one may do.

    `token_id` (`jti`) names a token that counts once; it is empty where a token may be used again while it lives.
    `session` (`sid`) is `<mark>.<epoch>` in the ticket of a live socket and in a token that lives for hours, for a
    revocation to name, and empty elsewhere. `issued_at` is what the token says when it is checked; `mint` sets it.
    """

    player: str
    audience: str
    currency: str
    locale: str
    scopes: frozenset[str]
    expires_at: int  # Unix seconds
    token_id: str = ""
    session: str = ""
    issued_at: int = field(default=0, compare=False)  # Unix seconds


class ContextRefused(Exception):
    """The bearer is missing, broken, expired or meant for somebody else. `code` says which, for programs."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    @property
    def status(self) -> int:
        """The HTTP status to refuse with: 403 for a genuine token at the wrong door, 401 for everything else."""
        return 403 if self.code == "context_audience" else 401


def is_fragment(audience: str) -> bool:
    """Whether `audience` is a fragment, and no third party or socket."""
    return _FRAGMENT.fullmatch(audience) is not None


def mint(context: PlayerContext, private_key_pem: str, *, now: int) -> str:
    """The bearer token for `context`."""
    claims = {
        "iss": ISSUER,
        "sub": context.player,
        "aud": context.audience,
        "iat": now,
        "exp": context.expires_at,
        "cur": context.currency,
        "loc": context.locale,
        "scope": " ".join(sorted(context.scopes)),
    }
    if context.token_id:
        claims["jti"] = context.token_id
    if context.session:
        claims["sid"] = context.session
    return jwt.encode(claims, _private_key(private_key_pem), algorithm="EdDSA")


def check(authorization: str | None, public_key_pem: str, *, now: int, audience: str | None = None) -> PlayerContext:
    """The context behind an `Authorization` value; raises `ContextRefused`.

    A fragment passes its own name as `audience`. The BFF passes None: every fragment may call it, and nobody else;
    what a fragment may do there is decided by scope.
    """
    if not authorization:
        raise ContextRefused("context_missing")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token or len(token) > TOKEN_BYTES_MAX:
        raise ContextRefused("context_malformed")
    claims = _claims(token.strip(), public_key_pem)
    if claims["exp"] <= now:
        raise ContextRefused("context_expired")
    if not (is_fragment(claims["aud"]) if audience is None else claims["aud"] == audience):
        raise ContextRefused("context_audience")
    return PlayerContext(
        player=claims["sub"],
        audience=claims["aud"],
        currency=claims["cur"],
        locale=claims["loc"],
        scopes=frozenset(claims["scope"].split()),
        expires_at=claims["exp"],
        token_id=claims.get("jti", ""),
        session=claims.get("sid", ""),
        issued_at=claims.get("iat", 0),
    )


# A page asks for many things with one token, and a game plays a whole evening with one. What is kept follows from the
# token's bytes alone; whether it has expired is decided every time.
@lru_cache(maxsize=4096)
def _claims(token: str, public_key_pem: str) -> dict[str, Any]:
    # Expiry and audience are decided by the caller's clock and name, so the library is told to leave them.
    options: Any = {
        "verify_exp": False,
        "verify_aud": False,
        "verify_iat": False,
        "require": ["iss", "sub", "aud", "exp"],
    }
    try:
        claims: dict[str, Any] = jwt.decode(
            token, _public_key(public_key_pem), algorithms=["EdDSA"], issuer=ISSUER, options=options
        )
    except jwt.PyJWTError as error:
        raise ContextRefused("context_malformed") from error
    strings = all(isinstance(claims.get(name), str) for name in ("sub", "aud", "cur", "loc", "scope"))
    strings = strings and all(isinstance(claims.get(name, ""), str) for name in ("jti", "sid"))
    if not strings or not isinstance(claims["exp"], int) or not isinstance(claims.get("iat", 0), int):
        raise ContextRefused("context_malformed")
    return claims


# Reading a PEM costs as much as the signature, and a process meets one or two keys in its life.
@lru_cache(maxsize=4)
def _private_key(pem: str) -> Ed25519PrivateKey:
    key = load_pem_private_key(pem.encode(), password=None)
    assert isinstance(key, Ed25519PrivateKey), "player contexts are signed with Ed25519"
    return key


@lru_cache(maxsize=4)
def _public_key(pem: str) -> Ed25519PublicKey:
    key = load_pem_public_key(pem.encode())
    assert isinstance(key, Ed25519PublicKey), "player contexts are signed with Ed25519"
    return key


def new_key_pair() -> tuple[str, str]:
    """A fresh (private, public) pair, both PEM."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    return private, public
