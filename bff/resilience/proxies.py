"""Trusted proxies: forwarding headers are accepted from the proxies in front of a house, and from no one else.

Public: `ProxyHops`, `Caller`.

`X-Forwarded-For` and `X-Forwarded-Proto` are lists to which each proxy adds what it met. A report is believed when
the proxy that made it stands on its hop, and no more reports than hops are read, so that whatever a client put into
the same headers comes to nothing. `Forwarded` (RFC 7239) is not read: a proxy that writes the one header passes a
client's own version of the other on.
"""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# What a caller put before the proxies' reports may be long; what is remembered is not.
_REMEMBERED_CHARS_MAX = 256
_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True)
class Caller:
    """The client of the first trusted proxy, and its scheme, which is empty where no proxy reported one."""

    address: str
    scheme: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class ProxyHops:
    """The networks of each hop, from the outermost proxy to the one that connects to this process."""

    hops: tuple[tuple[Network, ...], ...] = ()

    @classmethod
    def parse(cls, text: str) -> "ProxyHops":
        """From `203.0.113.0/24,10.0.0.0/8|fd00::/8`: hops by comma, networks of one hop by `|`; raises ValueError."""
        items = [item.strip() for item in text.split(",")] if text.strip() else []
        return cls(tuple(tuple(_network(part.strip()) for part in item.split("|")) for item in items))

    def caller(self, peer: str, forwarded_for: str, forwarded_proto: str) -> Caller:
        """The caller behind `peer`, the address that the connection comes from."""
        usual = len(forwarded_for) + len(forwarded_proto) <= _REMEMBERED_CHARS_MAX
        return (_recent if usual else ProxyHops._find)(self, peer, forwarded_for, forwarded_proto)

    def _find(self, peer: str, forwarded_for: str, forwarded_proto: str) -> Caller:
        believed, address = 0, peer
        reports = [report for part in forwarded_for.split(",") if (report := part.strip())]
        while believed < len(self.hops) and self._is_trusted_hop(len(self.hops) - 1 - believed, address):
            believed += 1
            reported = _address(reports[-believed]) if believed <= len(reports) else None
            if reported is None:
                # No proxy names its caller from here on; without any name at all, every hop is taken to be there.
                believed = believed if reports else len(self.hops)
                break
            address = str(reported)
        return Caller(address, _scheme(forwarded_proto, believed))

    def _is_trusted_hop(self, hop: int, address: str) -> bool:
        found = _address(address)
        return found is not None and any(found in network for network in self.hops[hop])


@lru_cache(maxsize=4096)
def _recent(hops: ProxyHops, peer: str, forwarded_for: str, forwarded_proto: str) -> Caller:
    """A browser asks many times in a row, and each reading takes as long as the rest of the border."""
    return hops._find(peer, forwarded_for, forwarded_proto)


def _scheme(forwarded_proto: str, believed: int) -> str:
    if not believed:
        return ""
    schemes = [part.strip().lower() for part in forwarded_proto.split(",")]
    # A proxy that replaces the list instead of adding to it leaves fewer entries than hops.
    scheme = schemes[-min(believed, len(schemes))]
    return scheme if scheme in _SCHEMES else ""


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ValueError(f"{text!r} is no address or network, such as 10.0.0.0/8 ({error})") from error


@lru_cache(maxsize=4096)
def _address(text: str) -> Address | None:
    """The address in one report, with or without a port; None where it is none."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text)
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found
