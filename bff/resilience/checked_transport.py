"""A transport that connects to the very address that it has checked, on every call.

Public: `CheckedTransport`.

A name is resolved once, here; what it leads to is held to an `AddressRule`, and the connection is made to that address
and to no other: a name that leads elsewhere a moment later leads nobody there. Of several addresses all have to be
allowed; one that does not answer is left for the next.
"""

import time
from collections.abc import Callable, Sequence

from bff.resilience.addresses import AddressRule
from bff.resilience.deadline import Deadline
from bff.resilience.lookup import Lookup, Resolve, resolve
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.policy import Policy
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES
from bff.resilience.transport import PinnedAddress, Transport, host_of


class CheckedTransport:
    """A `Sender`. `trust_pem` adds a root certificate to the system's."""

    def __init__(
        self,
        policy: Policy,
        rule: AddressRule,
        *,
        clock: Callable[[], float] = time.monotonic,
        trust_pem: bytes | None = None,
        resolve: Resolve = resolve,
    ) -> None:
        self._policy = policy
        self._rule = rule
        self._clock = clock
        self._trust_pem = trust_pem
        self._lookup = Lookup(policy.lookup_s_max, clock, resolve)
        self._transports: dict[PinnedAddress, Transport] = {}
        self._turns: dict[str, int] = {}

    async def send(self, request: Request, deadline: Deadline) -> Response:
        """The whole answer to `request`; raises `CallFailed`, and nothing else but `CancelledError`."""
        host = host_of(request)
        left_ms = deadline.remaining_ms(self._clock())
        if left_ms <= 0:
            raise CallFailed(Reason.CONNECT_TIMEOUT, "no time was left to call")
        addresses = await self._lookup.check(host, min(self._policy.connect_ms, left_ms))
        self._rule.check(host, addresses)
        try:
            return await self._to(host, addresses).send(request, deadline)
        except CallFailed as failed:
            if not PROPERTIES[failed.reason].sent:
                self._turns[host] = self._turns.get(host, 0) + 1
            raise

    async def aclose(self) -> None:
        """Close every connection. A later `send` opens anew."""
        transports, self._transports = list(self._transports.values()), {}
        for transport in transports:
            await transport.aclose()

    def _to(self, host: str, addresses: Sequence[str]) -> Transport:
        pin = PinnedAddress(host, addresses[self._turns.get(host, 0) % len(addresses)] if addresses else "")
        if pin not in self._transports:
            # Connections to where the name does not lead any more end with their calls.
            self._transports = {
                there: transport
                for there, transport in self._transports.items()
                if there.host != host or there.address in addresses
            }
            self._transports[pin] = Transport(self._policy, clock=self._clock, trust_pem=self._trust_pem, pin=pin)
        return self._transports[pin]
