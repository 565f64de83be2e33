"""The shell's borders: who it believes, which hosts and origins it answers, what it lets in from a request."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from bff.contracts.manifest import Extension
from bff.contracts.player_context import check, new_key_pair
from bff.resilience.reason import Reason
from shell.composition.body import FragmentState, link_policy, read_state
from shell.composition.contain import Contained, contain
from shell.composition.page import Page, Slot
from shell.composition.retry_delay import DELAY_MS_LONGEST, DELAY_MS_MIN, delay_ms
from shell.cookies import set_cookie
from shell.frame_origins import frame_origin_problem
from shell.players.context import REST_S_MIN, Minter
from shell.players.identity import Expired, Identity, decode, encode
from shell.players.revoked_sessions import RevokedSessions
from shell.registry.origins import Origins
from shell.security import content_security_policy, header_list, host_allowed, same_origin
from shell.visits import Incoming, visit_of

pytestmark = pytest.mark.quick

AMBER = Identity("pl_amber", "amber", "EUR", "m" * 32)
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def incoming(headers: dict[str, str] | None = None, query: str = "") -> Incoming:
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in (headers or {}).items()]
    return Incoming.of({"method": "GET", "path": "/", "query_string": query.encode(), "headers": pairs})


def test_player_cookie_comes_back_as_it_went() -> None:
    """A fresh cookie is believed by its signature alone."""
    assert decode(encode(AMBER, now=1000), age_s_max=60, now=1060) == AMBER


def test_touched_player_cookie_is_nobody() -> None:
    """Changing any part of the cookie ends what it says."""
    value = encode(AMBER, now=1000)
    for index in range(0, len(value), 7):
        touched = value[:index] + ("A" if value[index] != "A" else "B") + value[index + 1 :]
        assert decode(touched, age_s_max=60, now=1000) is None


def test_old_player_cookie_says_that_it_is_old() -> None:
    """It must be looked up again, and still says who it was for when nobody can be asked."""
    with pytest.raises(Expired) as old:
        decode(encode(AMBER, now=1000), age_s_max=60, now=1061)
    assert old.value.identity == AMBER


def test_player_cookie_says_nothing_once_its_session_is_over_by_itself() -> None:
    """Neither within its minute nor as an old one: a session of twelve hours is over after twelve hours."""
    value = encode(replace(AMBER, ends=1030), now=1000)
    assert decode(value, age_s_max=60, now=1029) is not None
    assert decode(value, age_s_max=60, now=1030) is None
    assert decode(value, age_s_max=10, now=1031) is None


def test_player_cookie_is_forgotten_before_the_revocation_of_its_session() -> None:
    """What says that a session is over outlives the oldest cookie that could be believed, whatever the setting."""
    value = encode(AMBER, now=0)
    with pytest.raises(Expired):
        decode(value, age_s_max=60, now=settings.PLAYER_BELIEVED_S)
    assert decode(value, age_s_max=60, now=settings.PLAYER_BELIEVED_S + 1) is None
    revoked = RevokedSessions(settings.REVOCATION_KEEP_S)
    revoked.add_session(AMBER.mark, now=0)
    revoked.add_player("pl_amber", 1, now=0)
    revoked.add_session("another", now=settings.PLAYER_BELIEVED_S + 1)
    assert revoked.covers(AMBER)
    assert revoked.covers(replace(AMBER, mark="x"))


def test_cookie_value_that_needs_quoting_is_refused() -> None:
    """A cookie can not be split into two by its value."""
    with pytest.raises(ValueError, match="quoting"):
        set_cookie("a", "x; Domain=evil", age_s=1)


@pytest.mark.parametrize(
    ("fetch_site", "origin", "allowed"),
    [
        ("same-origin", "", True),
        ("same-site", "http://shell", False),
        ("cross-site", "http://shell", False),
        ("none", "http://shell", False),
        ("", "http://shell", True),
        ("", "https://shell", False),
        ("", "http://shell.evil", False),
        ("", "null", False),
        ("", "", False),
    ],
)
def test_change_is_taken_from_the_own_origin_only(fetch_site: str, origin: str, allowed: bool) -> None:
    """The browser's own word decides; a request that says nothing is refused."""
    assert same_origin(fetch_site=fetch_site, origin=origin, host="shell", scheme="http") is allowed


def test_host_that_is_not_ours_is_not_answered() -> None:
    """A name of somebody else's can not be poisoned into a page."""
    assert host_allowed("localhost:8000")
    assert not host_allowed("evil.example")
    assert not host_allowed("")


def test_policy_allows_no_inline_script_or_style() -> None:
    """What slips through containment is inert."""
    policy = dict(header_list())["content-security-policy"]
    rules = [rule for rule in policy.split("; ") if "unsafe" in rule]
    assert rules == ["style-src-attr 'unsafe-inline'"]  # of elements that containment has read
    assert "script-src 'self'" in policy
    assert "style-src 'self'" in policy


def test_page_shows_pictures_of_origins_that_are_declared_and_approved(settings: Any) -> None:
    """What a manifest asks for operators have to approve; the browser is told what they approve."""
    settings.PICTURE_ORIGINS = ["https://cdn.example"]
    content_security_policy.cache_clear()
    link_policy.cache_clear()
    assert "img-src 'self' data: https://cdn.example" in content_security_policy().split("; ")
    declared = ("https://cdn.example", "https://other.example")
    assert link_policy((), declared).picture_origins == {"https://cdn.example"}
    assert link_policy(()).picture_origins == frozenset()
    content_security_policy.cache_clear()
    link_policy.cache_clear()


def test_page_frames_approved_origins_alone(settings: Any) -> None:
    """Policy and containment name the same; without any there is no frame."""
    for origins, rule in ([], "frame-src 'none'"), (["https://games.example"], "frame-src https://games.example"):
        settings.FRAME_ORIGINS = origins
        content_security_policy.cache_clear()
        link_policy.cache_clear()
        assert rule in content_security_policy().split("; ")
        assert link_policy(()).frame_origins == frozenset(origins)
    content_security_policy.cache_clear()
    link_policy.cache_clear()


def test_form_may_lead_to_the_payment_pages_that_operators_allow(settings: Any) -> None:
    """Chromium follows a form's redirect only to what the page's policy names."""
    for origins, rule in (
        ([], "form-action 'self'"),
        (["https://pay.example"], "form-action 'self' https://pay.example"),
    ):
        settings.FORM_ORIGINS = origins
        content_security_policy.cache_clear()
        assert rule in content_security_policy().split("; ")
    content_security_policy.cache_clear()


@pytest.mark.parametrize(
    ("origin", "local", "words"),
    [
        ("https://games.example", False, None),
        ("http://games.example", True, None),
        ("http://localhost:9000", True, None),
        ("https://lobby.example", False, "of this installation"),
        ("https://lobby.example:8443", False, "of this installation"),
        ("https://live.lobby.example", False, "of this installation"),
        ("https://www.lobby.example", False, "of this installation"),
        ("http://localhost:8000", True, "of this installation"),
        ("http://127.0.0.1:8012", True, "of this installation"),
        ("http://games.example", False, "not reached by https"),
        ("https://games.example/", False, "no origin"),
        ("https://*.example", False, "no origin"),
        ("https://games.example;", False, "no origin"),
        ("'self'", False, "no origin"),
    ],
)
def test_no_origin_of_this_installation_is_framed(origin: str, local: bool, words: str | None) -> None:
    """In public by any name that it answers to, on one machine by its ports."""
    ours, hosts = ("https://lobby.example", "https://live.lobby.example"), ["lobby.example", ".lobby.example"]
    if local:
        ours, hosts = ("http://localhost:8000", "http://localhost:8012"), ["localhost", "127.0.0.1"]
    wrong = frame_origin_problem(origin, ours=ours, hosts=hosts, local=local)
    assert wrong is None if words is None else words in (wrong or "")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://fragments.example/manifest.json", True),
        ("https://fragments.example:443/x", True),
        ("http://fragments.example/manifest.json", False),
        ("https://fragments.example:8443/x", False),
        ("https://fragments.example@evil.example/x", False),
        ("https://evil.example/https://fragments.example", False),
        ("http://169.254.169.254/latest", False),
        ("http://127.0.0.1:1/x", False),
        ("file:///etc/passwd", False),
        ("https://fragments.example:bad/x", False),
    ],
)
def test_release_comes_from_an_allowed_origin_only(url: str, allowed: bool) -> None:
    """No manifest can send the shell to an address that nobody allowed."""
    assert Origins(["https://fragments.example"], loopback=False).allows(url) is allowed


def test_hostile_request_values_are_left_out() -> None:
    """What does not look like it should never reaches a fragment."""
    page = Page("lobby", "/", "lobby.html", (Slot("wallet", "wallet"),))
    request = incoming(
        {"accept-language": "xx, en-US", "traceparent": "evil\r\nx: y", "user-agent": "<script>"},
        "wallet.receipt=%3Cscript%3E&min_sequence=evil&other.receipt=abc",
    )
    visit = visit_of(request, page, {}, None)
    assert (visit.language, visit.locale, visit.currency, visit.player) == ("en", "en-US", "EUR", "")
    assert (visit.traceparent, visit.receipts, visit.min_sequence, visit.device) == ("", {}, "", "desktop")


def test_receipt_reaches_its_own_slot_only() -> None:
    """`?wallet.receipt=` is for the slot wallet."""
    page = Page("lobby", "/", "lobby.html", (Slot("wallet", "wallet"), Slot("tables", "x")))
    visit = visit_of(incoming(query="wallet.receipt=rc_1"), page, {}, AMBER)
    assert visit.receipts == {"wallet": "rc_1"}
    assert visit.currency == "EUR"


def test_bearer_is_used_again_until_half_of_its_life_is_over() -> None:
    """Signing is paid once a minute and player, not once an include; another player never shares it."""
    from shell.settings import PLAYER_CONTEXT_PRIVATE_KEY

    now = [1000.0]
    minter = Minter(PLAYER_CONTEXT_PRIVATE_KEY, now=lambda: now[0])

    def bearer(player: str, fragment: str = "wallet") -> str:
        return minter.bearer(player, fragment, {"a"}, currency="EUR", locale="en-GB")

    first = bearer("pl_a")
    assert bearer("pl_a") == first
    assert len({first, bearer("pl_b"), bearer("pl_a", "other")}) == 3
    now[0] += REST_S_MIN + 1
    assert bearer("pl_a") != first


def test_token_that_lives_for_hours_names_its_session_and_is_given_fresh() -> None:
    """A game is played with one for an evening; each minute's pages have a fresh one, and no two sessions share it."""
    private, public = new_key_pair()
    now = [1000.0]
    minter = Minter(private, now=lambda: now[0])

    def token(session: str, life_s: int = 12 * 3600) -> str:
        return minter.bearer(
            "pl_a", "game:203", {"games.play"}, currency="EUR", locale="en", life_s=life_s, session=session
        )

    first = token("mark.1")
    context = check(f"Bearer {first}", public, now=1000 + 12 * 3600 - 1, audience="game:203")
    assert (context.session, context.issued_at, context.expires_at) == ("mark.1", 1000, 1000 + 12 * 3600)
    assert token("mark.1") == first
    assert token("other.1") != first
    now[0] += REST_S_MIN + 1
    assert token("mark.1") != first


@pytest.mark.parametrize("attempt", [0, 1, 5, 16, 99])
@pytest.mark.parametrize("retry_after_ms", [None, -5, 0, 3000, 10**9])
def test_retry_delay_is_bounded_whatever_the_upstream_says(attempt: int, retry_after_ms: int | None) -> None:
    """Neither a huge Retry-After nor many attempts keep a slot from healing in time."""
    delays = [delay_ms(attempt, retry_after_ms, chance=random.Random(seed)) for seed in range(50)]
    assert all(DELAY_MS_MIN <= delay <= DELAY_MS_LONGEST for delay in delays)


def test_retry_delays_of_a_crowd_are_spread() -> None:
    """Five hundred pages do not ask in the same instant."""
    delays = {delay_ms(3, None, chance=random.Random(seed)) // 100 for seed in range(500)}
    assert len(delays) > 30


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, None),
        ("fresh", None),
        ("degraded", Reason.FEED_DOWN),
        ("degraded; reason=feed_stale; as-of=2026-01-01T00:00:00+00:00", Reason.FEED_STALE),
        ("degraded; reason=breaker_open", Reason.BREAKER_OPEN),
        ("degraded; reason=timeout", Reason.TIMEOUT),
        *((f"degraded; reason={word}", Reason.FEED_DOWN) for word in ("held", "not_published", "unauthorised", "left")),
        *((f"degraded; reason={word}", Reason.FEED_DOWN) for word in ("unsafe_html", "internal", "manifest", "")),
        ("degraded; reason=<script>; as-of=yesterday", Reason.FEED_DOWN),
    ],
)
def test_fragment_may_only_speak_of_what_it_calls(value: str | None, reason: Reason | None) -> None:
    """A word for what the shell alone decides, and any other, can not stand in the page's state."""
    state = read_state(value, NOW, Extension())
    assert (state.reason if state else None) is reason


@pytest.mark.parametrize(
    ("written", "upstream", "retry_after_ms"),
    [
        ("upstream=bff-queries; retry-after-ms=1200", "bff-queries", 1200),
        ("upstream=tables", "tables", None),
        ("upstream=somebody-else; retry-after-ms=0", "undeclared", None),
        ("upstream=<b>; retry-after-ms=-5", "undeclared", None),
        ("retry-after-ms=999999", "", None),
        ("retry-after-ms=1e3", "", None),
    ],
)
def test_fragment_names_only_upstreams_that_its_manifest_declares(
    written: str, upstream: str, retry_after_ms: int | None
) -> None:
    """The names are a metric's label: an answer can not make up as many of them as it likes."""
    declared = Extension(upstreams=("bff-queries",), feeds=("tables",))
    state = read_state(f"degraded; reason=breaker_open; {written}", NOW, declared)
    assert state == FragmentState(Reason.BREAKER_OPEN, None, upstream, retry_after_ms)


@pytest.mark.parametrize(
    ("written", "as_of"),
    [
        ("2026-01-01T11:59:00Z", NOW - timedelta(minutes=1)),
        ("2026-01-01T12:59:00+01:00", NOW - timedelta(minutes=1)),
        ("2026-01-01T11:59:00", None),
        ("2026-01-01", None),
        ("yesterday", None),
        ("", None),
        ("2099-01-01T00:00:00Z", NOW),
        ("9999-12-31T23:59:59-14:00", None),
        ("0001-01-01T00:00:00+14:00", None),
    ],
)
def test_fragments_as_of_has_a_zone_and_is_not_to_come(written: str, as_of: datetime | None) -> None:
    """What stands in the page as the age of a slot is a moment that has been, or nothing."""
    state = read_state(f"degraded; reason=feed_stale; as-of={written}", NOW, Extension())
    assert state == FragmentState(Reason.FEED_STALE, as_of)


def test_a_picture_plays_from_the_media_origins_of_this_shell_alone(settings: Any) -> None:
    """In pages and when a release is published alike: both ask for the policy here."""
    settings.MEDIA_ORIGINS = ["https://video.example"]
    link_policy.cache_clear()
    for origin, allowed in (("https://video.example", True), ("https://elsewhere.example", False)):
        html = f'<figure data-stream="{origin}/205/live.m3u8"></figure>'.encode()
        contained = contain(html, "text/html", prefix="/slots/a/b", isolation="shadow", links=link_policy(()))
        assert isinstance(contained, Contained)
        assert (b"data-stream" in contained.html) is allowed
    link_policy.cache_clear()
