"""Counts open sockets by client address.

Public: `Addresses`, `address_of`.
"""

from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

_HOST_BITS = 64


def address_of(scope: Mapping[str, Any]) -> str:
    """Who connects, as the server says it; "" where it says nothing (a socket of the machine's own).

    An IPv6 client has a whole network of 64 bits to itself and may speak from any address in it, so that network is
    who it is. Which proxies are believed about a client is the server's business.
    """
    host = (scope.get("client") or ("",))[0]
    try:
        address = ip_address(host)
    except ValueError:
        return str(host)
    if not isinstance(address, IPv6Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"


class Addresses:
    """Counts sockets by address, up to `sockets_max` each. An address that holds none is forgotten."""

    def __init__(self, sockets_max: int) -> None:
        self._max = sockets_max
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._held)

    def enter(self, address: str) -> bool:
        """Count one more socket of `address`; False, and nothing is counted, when it holds as many as it may."""
        if not address:
            return True
        if self._held[address] >= self._max:
            return False
        self._held[address] += 1
        return True

    def leave(self, address: str) -> None:
        """One socket of `address`, that had entered, is over."""
        if not address:
            return
        self._held[address] -= 1
        if self._held[address] <= 0:
            del self._held[address]
