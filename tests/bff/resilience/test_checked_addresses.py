"""The address behind a name is checked on every call, and the checked address is the one that is connected to."""

import time
from collections.abc import Sequence

import pytest

from bff.resilience.addresses import AddressRule, NetworksRefused
from bff.resilience.checked_transport import CheckedTransport
from bff.resilience.deadline import Deadline
from bff.resilience.exchange import StreamRequest
from bff.resilience.message import CallFailed, Request
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.stream_transport import StreamLimits, StreamTransport
from tests.origin.server import Origin

pytestmark = pytest.mark.quick
LOOPBACK = AddressRule.parse(["127.0.0.0/8"])


def soon() -> Deadline:
    return Deadline.after_ms(time.monotonic(), 2000)


class Names:
    """A resolver with prepared answers: one for each look-up, the last one repeats."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)

    def __call__(self, host: str) -> Sequence[str]:
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("127.0.0.1", "a loopback address"),
        ("::1", "a loopback address"),
        ("::ffff:127.0.0.1", "a loopback address"),
        ("64:ff9b::7f00:1", "a loopback address"),
        ("2002:7f00:1::", "a loopback address"),
        ("169.254.169.254", "a link-local address"),
        ("::ffff:169.254.169.254", "a link-local address"),
        ("fe80::1%eth0", "a link-local address"),
        ("10.1.2.3", "a private or reserved address"),
        ("172.16.0.1", "a private or reserved address"),
        ("192.168.1.1", "a private or reserved address"),
        ("100.64.0.1", "a private or reserved address"),
        ("fd00::1", "a private or reserved address"),
        ("::7f00:1", "a private or reserved address"),
        ("0.0.0.0", "no address of a server"),
        ("::", "no address of a server"),
        ("224.0.0.1", "no address of a server"),
        ("93.184.216.34", ""),
        ("2606:2800:220:1::1", ""),
    ],
)
def test_name_that_leads_inside_is_refused(address: str, why: str) -> None:
    """However the address is written, and where only one of several is; the sentence says where it leads and why."""
    rule = AddressRule()
    if not why:
        rule.check("poll.example", [address])
        return
    for addresses in ([address], ["93.184.216.34", address]):
        with pytest.raises(CallFailed) as refused:
            rule.check("poll.example", addresses)
        assert refused.value.reason is Reason.DNS
        assert refused.value.detail.startswith("poll.example leads to ")
        assert why in refused.value.detail


@pytest.mark.parametrize(
    "host", ["2130706433", "0x7f.1", "127.1", "poll.example.0x7f", "pöll.example", "%31.example", "a b", "poll..", ""]
)
def test_name_that_two_sides_could_read_differently_is_refused(host: str) -> None:
    """A number that some read as an address, escapes, other scripts, nothing."""
    with pytest.raises(CallFailed, match="leads to no plain name"):
        AddressRule().check(host, ["93.184.216.34"])


def test_name_that_leads_nowhere_is_refused() -> None:
    """And an address in place of a name is held to the same rule."""
    with pytest.raises(CallFailed, match="leads to nowhere"):
        AddressRule().check("poll.example", [])
    with pytest.raises(CallFailed, match="a loopback address"):
        AddressRule().check("127.0.0.1", [])
    AddressRule().check("93.184.216.34", [])


def test_networks_that_operators_name_are_let_in_but_never_link_local() -> None:
    """Loopback only where it is named; metadata services nowhere."""
    rule = AddressRule.parse(["10.0.0.0/8", "fd00::/8"])
    rule.check("wallet.internal", ["10.1.2.3", "fd00::1"])
    for address in ("127.0.0.1", "192.168.0.1", "169.254.169.254"):
        with pytest.raises(CallFailed):
            rule.check("wallet.internal", [address])
    LOOPBACK.check("wallet.internal", ["127.0.0.1"])


@pytest.mark.parametrize(
    ("network", "words"), [("10.0.0.1/8", "no network"), ("ten", "no network"), ("169.254.0.0/16", "link-local")]
)
def test_network_that_can_not_be_allowed_is_said(network: str, words: str) -> None:
    """At the start, by the one who wrote it."""
    with pytest.raises(NetworksRefused, match=words):
        AddressRule.parse([network])


async def test_connection_is_made_to_what_was_checked_and_not_to_what_the_name_means_now() -> None:
    """The name exists for this transport alone: no resolver of the system is asked for it."""
    async with Origin() as origin:
        port = origin.url.rpartition(":")[2]
        transport = CheckedTransport(Policy(), LOOPBACK, resolve=Names(["127.0.0.1"]))
        request = Request("GET", f"http://poll.test:{port}/")
        assert (await transport.send(request, soon())).status == 200
        assert origin.seen[-1].headers["host"] == f"poll.test:{port}"
        await origin.fail("short-body")
        with pytest.raises(CallFailed) as cut:
            await transport.send(request, soon())
        assert cut.value.reason is Reason.CUT
        await transport.aclose()


async def test_name_that_leads_inside_a_moment_later_is_refused_then() -> None:
    """What was checked a moment ago is no leave: each time that it is looked up, it is checked."""
    now = [0.0]
    async with Origin() as origin:
        port = origin.url.rpartition(":")[2]
        names = Names(["127.0.0.1"], ["127.0.0.1", "169.254.169.254"], ["127.0.0.2"])
        policy = Policy(lookup_s_max=5)
        transport = CheckedTransport(policy, LOOPBACK, clock=lambda: now[0], resolve=names)
        request = Request("GET", f"http://poll.test:{port}/")
        assert (await transport.send(request, Deadline.after_ms(now[0], 2000))).status == 200
        now[0] = 6
        with pytest.raises(CallFailed, match="link-local"):
            await transport.send(request, Deadline.after_ms(now[0], 2000))
        now[0] = 12
        with pytest.raises(CallFailed) as unreached:
            await transport.send(request, Deadline.after_ms(now[0], 2000))
        assert unreached.value.reason is Reason.CONNECT, "nothing listens there, and nobody else was asked"
        assert len(origin.seen) == 1
        await transport.aclose()


async def test_address_that_does_not_answer_is_left_for_the_next() -> None:
    """One of two machines is down: the second try is at the other, and so are those after it."""
    async with Origin() as origin:
        port = origin.url.rpartition(":")[2]
        transport = CheckedTransport(Policy(), LOOPBACK, resolve=Names(["127.0.0.3", "127.0.0.1"]))
        request = Request("GET", f"http://poll.test:{port}/")
        with pytest.raises(CallFailed):
            await transport.send(request, soon())
        assert [(await transport.send(request, soon())).status for _ in range(3)] == [200] * 3
        await transport.aclose()


async def test_address_in_place_of_a_name_is_called_where_it_is_allowed() -> None:
    """And refused before anything is sent where it is not; a caller without time blames nobody."""
    async with Origin() as origin:
        allowed, strict = CheckedTransport(Policy(), LOOPBACK), CheckedTransport(Policy(), AddressRule())
        request = Request("GET", f"{origin.url}/")
        assert (await allowed.send(request, soon())).status == 200
        with pytest.raises(CallFailed, match="FRAGMENT_NETWORKS"):
            await strict.send(request, soon())
        with pytest.raises(CallFailed) as late:
            await allowed.send(request, Deadline.after_ms(time.monotonic(), 0))
        assert (late.value.reason, origin.requests) == (Reason.CONNECT_TIMEOUT, 1)
        await allowed.aclose()
        await strict.aclose()


async def test_stream_is_opened_to_what_was_checked() -> None:
    """The way of fragments' own APIs, by the same rule."""
    async with Origin() as origin:
        port = origin.url.rpartition(":")[2]

        def stream(rule: AddressRule) -> StreamTransport:
            return StreamTransport(Policy(), StreamLimits(), resolve=Names(["127.0.0.1"]), rule=rule)

        for url in (f"http://poll.test:{port}/", f"{origin.url}/"):
            request = StreamRequest("GET", url)
            assert (await stream(LOOPBACK).send(request, soon())).status == 200
            request.exchange.close()
            with pytest.raises(CallFailed, match=r"leads to 127.0.0.1, a loopback address"):
                await stream(AddressRule()).send(StreamRequest("GET", url), soon())
