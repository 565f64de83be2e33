"""Which addresses may be connected to, decided by the address itself and not by the name that led to it.

Public: `AddressRule`, `NetworksRefused`, `LINK_LOCAL_WHY`.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bff.resilience.message import CallFailed
from bff.resilience.reason import Reason

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# Both sides of a call read such a name alike: no escapes, no letters of other scripts, no number that is an address.
_NAME = re.compile(r"(?i)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_NUMBER = re.compile(r"(?i)(0x[0-9a-f]*|[0-9]+)")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
LINK_LOCAL_WHY = "a link-local address"


class NetworksRefused(ValueError):
    """The message has the network that can not be allowed, and the reason."""


@dataclass(frozen=True, slots=True)
class AddressRule:
    """Public addresses, and those of `networks`. Link-local, multicast and unspecified ones are in none of these."""

    networks: tuple[_Network, ...] = ()

    @classmethod
    def parse(cls, networks: Iterable[str]) -> "AddressRule":
        """The rule that lets these networks in, each as `10.0.0.0/8`; raises `NetworksRefused`."""
        found = []
        for text in networks:
            try:
                network = ipaddress.ip_network(text)
            except ValueError as error:
                raise NetworksRefused(f"{text[:64]!r} is no network ({error}); write 10.0.0.0/8") from error
            if network.is_link_local or network.is_multicast:
                raise NetworksRefused(f"{text} holds {LINK_LOCAL_WHY} or multicast, and nothing is called there")
            found.append(network)
        return cls(tuple(found))

    def check(self, host: str, addresses: Sequence[str]) -> None:
        """Raises `CallFailed` where `host` is no plain name, or one of the `addresses` of it may not be called."""
        literal = _literal(host)
        if literal is None and (not _NAME.fullmatch(host) or _NUMBER.fullmatch(_last(host))):
            raise _refused(host, "no plain name and no plain address")
        found = [literal] if literal is not None else [ipaddress.ip_address(each) for each in addresses]
        if not found:
            raise _refused(host, "nowhere")
        for address in found:
            if why := self.why_blocked(address):
                raise _refused(host, f"{address}, {why}")

    def why_blocked(self, address: _Address) -> str:
        """What keeps calls from `address`; empty where nothing does."""
        address = _inner(address)
        if address.is_link_local:
            return LINK_LOCAL_WHY
        if address.is_multicast or address.is_unspecified:
            return "no address of a server"
        if any(address in network for network in self.networks if network.version == address.version):
            return ""
        if address.is_loopback:
            return "a loopback address"
        return "" if address.is_global and not address.is_reserved else "a private or reserved address"


def _inner(address: _Address) -> _Address:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address


def _literal(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def _last(host: str) -> str:
    return host.rstrip(".").rpartition(".")[2]


def _refused(host: str, where: str) -> CallFailed:
    return CallFailed(Reason.DNS, f"{host[:100]} leads to {where}; operators allow networks with FRAGMENT_NETWORKS")
