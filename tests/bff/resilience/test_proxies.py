"""Which forwarded headers are trusted: only those of the proxies on a request's hops, and no more than there
are hops."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bff.resilience.proxies import Caller, ProxyHops

pytestmark = pytest.mark.quick

EDGE, BALANCER, BROWSER, SPOOFED = "203.0.113.7", "10.0.0.9", "198.51.100.20", "1.2.3.4"
TWO = ProxyHops.parse("203.0.113.0/24, 10.0.0.0/8|fd00::/8")
ONE = ProxyHops.parse("10.0.0.0/8")


@pytest.mark.parametrize(
    ("hops", "peer", "reported_for", "reported_proto", "caller"),
    [
        # Two proxies in a row, each of which added the address of its caller.
        (TWO, BALANCER, f"{BROWSER}, {EDGE}", "https,http", Caller(BROWSER, "https")),
        (TWO, BALANCER, f"{SPOOFED}, {BROWSER}, {EDGE}", "https, http, http", Caller(BROWSER, "http")),
        (TWO, BALANCER, f"{BROWSER}, {EDGE}", "https", Caller(BROWSER, "https")),
        (TWO, BALANCER, "", "https,http", Caller(BALANCER, "https")),
        # A client that bypasses the edge is the balancer's caller, and the headers that it invented are ignored.
        (TWO, BALANCER, f"{SPOOFED}, {BROWSER}", "https,http", Caller(BROWSER, "http")),
        # A caller inside a trusted network is not another proxy: only as many reports are read as there are hops.
        (ONE, BALANCER, f"{SPOOFED}, 10.1.1.1", "https", Caller("10.1.1.1", "https")),
        (ONE, BALANCER, f"{SPOOFED}, {BROWSER}", "https,http", Caller(BROWSER, "http")),
        # No trusted proxy on the last hop: nothing is read.
        (TWO, EDGE, SPOOFED, "https", Caller(EDGE)),
        (ONE, BROWSER, SPOOFED, "https", Caller(BROWSER)),
        (ProxyHops(), BALANCER, SPOOFED, "https", Caller(BALANCER)),
        # Ports, IPv6, IPv4-mapped addresses, and invalid addresses.
        (ONE, BALANCER, f"{BROWSER}:4711", "", Caller(BROWSER)),
        (ONE, "::ffff:10.0.0.9", "[2001:db8::1]:443", "HTTPS", Caller("2001:db8::1", "https")),
        (ONE, BALANCER, "2001:db8::1", "https", Caller("2001:db8::1", "https")),
        (ONE, BALANCER, "unknown", "gopher", Caller(BALANCER)),
        (TWO, "fd00::1", f"_hidden, {EDGE}", "https,http", Caller(EDGE, "https")),
        (ONE, "", BROWSER, "https", Caller("")),
    ],
)
def test_caller_is_whom_the_outermost_trusted_proxy_met(
    hops: ProxyHops, peer: str, reported_for: str, reported_proto: str, caller: Caller
) -> None:
    """The address and the scheme of one and the same hop."""
    assert hops.caller(peer, reported_for, reported_proto) == caller


@pytest.mark.parametrize("text", ["10.0.0.0/33", "balancer", "10.0.0.1/8", "10.0.0.0/8,,", "|"])
def test_setting_that_names_no_network_is_told(text: str) -> None:
    """A slip is a sentence, not a proxy that nobody trusts."""
    with pytest.raises(ValueError, match="is no address or network"):
        ProxyHops.parse(text)


def test_setting_without_a_proxy_is_none() -> None:
    """Nobody stands in front."""
    assert ProxyHops.parse("  ").hops == ()


@settings(deadline=None)
@given(st.text(max_size=60), st.text(max_size=60))
def test_what_a_stranger_sends_changes_nothing(reported_for: str, reported_proto: str) -> None:
    """Whatever stands in the headers of a connection from elsewhere."""
    assert TWO.caller(BROWSER, reported_for, reported_proto) == Caller(BROWSER)


def test_long_reports_are_read_like_short_ones() -> None:
    """However much a client put before them."""
    long = ",".join([SPOOFED] * 5000)
    assert TWO.caller(BALANCER, f"{long},{BROWSER},{EDGE}", "https,http") == Caller(BROWSER, "https")


@settings(deadline=None)
@given(st.lists(st.sampled_from([SPOOFED, "10.9.9.9", "203.0.113.8", "junk", ""]), max_size=5))
def test_what_a_client_puts_before_the_proxies_changes_nothing(made_up: list[str]) -> None:
    """The proxies add behind it, and reading begins at the end."""
    reported = ",".join([*made_up, BROWSER, EDGE])
    assert TWO.caller(BALANCER, reported, ",".join(["https"] * len(made_up) + ["http", "http"])) == Caller(
        BROWSER, "http"
    )
