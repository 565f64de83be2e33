"""The player context: whose signature is accepted, for how long, and for which audience."""

import base64
import json

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts.player_context import ContextRefused, PlayerContext, check, mint, new_key_pair

pytestmark = pytest.mark.quick

PRIVATE, PUBLIC = new_key_pair()
NOW = 1_800_000_000
AMBER = PlayerContext("pl_amber", "wallet", "EUR", "en", frozenset({"wallet.read", "wallet.deposit"}), NOW + 60)


def refusal(authorization: str | None, *, now: int = NOW, audience: str | None = None, key: str = PUBLIC) -> str:
    with pytest.raises(ContextRefused) as caught:
        check(authorization, key, now=now, audience=audience)
    return caught.value.code


def bearer(context: PlayerContext = AMBER, key: str = PRIVATE) -> str:
    return f"Bearer {mint(context, key, now=NOW)}"


def test_what_was_minted_is_read_back() -> None:
    """Every word of it, by its audience and by the BFF, which asks for no audience."""
    assert check(bearer(), PUBLIC, now=NOW, audience="wallet") == AMBER
    assert check(bearer().replace("Bearer", "bearer"), PUBLIC, now=NOW) == AMBER


def test_it_is_for_one_audience() -> None:
    """A fragment can not use what was minted for another."""
    assert refusal(bearer(), audience="promotions") == "context_audience"


@pytest.mark.parametrize("audience", ["live:socket", "game:203", "", "wallet:x", "Wallet", "-wallet", "wallet\n"])
def test_the_bff_takes_a_fragments_token_and_nobody_elses(audience: str) -> None:
    """Who asks for any fragment's token refuses a game's, a socket's, and what could be no fragment's name."""
    token = bearer(PlayerContext("pl_amber", audience, "EUR", "en", frozenset({"wallet.read"}), NOW + 60))
    assert refusal(token) == "context_audience"
    assert ContextRefused("context_audience").status == 403
    assert ContextRefused("context_expired").status == 401


def test_a_token_that_counts_once_has_a_name() -> None:
    """The name comes back as it was minted; one of another type is refused."""
    once = PlayerContext("", "live:socket", "EUR", "en", frozenset(), NOW + 60, "once-1")
    assert check(bearer(once), PUBLIC, now=NOW, audience="live:socket") == once
    claims = jwt.decode(bearer(once).split()[1], options={"verify_signature": False}) | {"jti": 7}
    signed = jwt.PyJWS().encode(json.dumps(claims).encode(), PRIVATE, algorithm="EdDSA")
    assert refusal(f"Bearer {signed}", audience="live:socket") == "context_malformed"


def test_it_ends_on_its_second() -> None:
    """At `expires_at` it is over."""
    assert check(bearer(), PUBLIC, now=NOW + 59) == AMBER
    assert refusal(bearer(), now=NOW + 60) == "context_expired"


def test_only_the_shells_key_counts() -> None:
    """Another key's signature, or none, is nobody's word."""
    private, public = new_key_pair()
    assert refusal(bearer(key=private)) == "context_malformed"
    assert refusal(bearer(), key=public) == "context_malformed"


def test_no_other_algorithm_is_believed() -> None:
    """Neither `none` nor an HMAC over the public key, which everybody knows."""
    claims = jwt.decode(bearer().split()[1], options={"verify_signature": False})
    unsigned = jwt.encode(claims, None, algorithm="none")
    head, body, _ = bearer().split()[1].split(".")
    forged = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    assert refusal(f"Bearer {unsigned}") == "context_malformed"
    assert refusal(f"Bearer {forged}.{body}.{head}") == "context_malformed"


@pytest.mark.parametrize("claim", ["iss", "sub", "aud", "exp", "cur", "loc", "scope"])
@pytest.mark.parametrize("value", [None, 7.5, ["x"]])
def test_a_claim_that_is_missing_or_mistyped_is_refused(claim: str, value: object) -> None:
    """What the shell signs has all of them, each of its type."""
    claims = jwt.decode(bearer().split()[1], options={"verify_signature": False})
    claims.pop(claim) if value is None else claims.update({claim: value})
    signed = jwt.PyJWS().encode(json.dumps(claims).encode(), PRIVATE, algorithm="EdDSA")
    assert refusal(f"Bearer {signed}") == "context_malformed"


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "context_missing"),
        ("", "context_missing"),
        ("Bearer", "context_malformed"),
        ("Bearer ", "context_malformed"),
        ("Basic abc", "context_malformed"),
        ("Bearer a.b.c", "context_malformed"),
        ("Bearer " + "a" * 5000, "context_malformed"),
        ("Bearer é.é.é", "context_malformed"),
    ],
)
def test_what_is_no_bearer_is_refused_by_its_code(authorization: str | None, code: str) -> None:
    """Missing is told from malformed."""
    assert refusal(authorization) == code


@given(st.text(max_size=200))
def test_no_header_breaks_the_check(text: str) -> None:
    """Nothing but a refusal is raised, whatever was sent."""
    for authorization in (text, f"Bearer {text}", f"{bearer()}{text or 'x'}"):
        with pytest.raises(ContextRefused):
            check(authorization, PUBLIC, now=NOW + 60)
