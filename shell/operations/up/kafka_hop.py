"""The one hop to Kafka with `--drills`. Pure, like the plan.

Public: `KAFKA_HOP`, `ADVERTISED`, `NOT_ADVERTISED`, `Place`, `AdvertisedBroken`, `servers_of`, `advertised_of`,
`place_of`.

A Kafka client asks the first server that it is given where all of them are, and from then on goes to the address that
the server advertises. So the proxy listens there, and one hop serves all callers. The server itself listens elsewhere.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

KAFKA_HOP = "houses:broker"
ADVERTISED = "KAFKA_ADVERTISED"
KAFKA_PORT = 9092
LOOPBACK = {"127.0.0.1": "127.0.0.1", "localhost": "127.0.0.1"}
NOT_ADVERTISED = (
    "Kafka's servers say themselves where they are, so callers would go around a hop; start one server that advertises "
    f"an address of this machine where nobody listens, such as 127.0.0.1:19092, and set {ADVERTISED} to it"
)
_OTHERWISE = f"Nothing was started. Without {ADVERTISED} there is no hop to Kafka."
_PLACE = re.compile(r"(?:\[([0-9a-fA-F:]+)\]|([A-Za-z0-9._-]+))(?::([0-9]{1,5}))?")


class AdvertisedBroken(Exception):
    """KAFKA_ADVERTISED can not be used; the message has the reason and the remedy."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens; `localhost` is 127.0.0.1."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def servers_of(environ: Mapping[str, str], broker: str = "") -> str:
    """The Kafka that events travel over, as `host:port[,host:port]`; empty if they travel over something else.
    `broker` is the option's value, which goes before `BROKER_URL`."""
    if broker == "streams":
        return ""
    url = "" if broker == "kafka" else environ.get("BROKER_URL", "")
    if url:
        scheme, _, servers = url.partition("://")
        return servers.rstrip("/") if scheme == "kafka" else ""
    return environ.get("KAFKA_BOOTSTRAP", "")


def place_of(text: str) -> Place | None:
    """None where `text` is no host and port. Without a port it is Kafka's own."""
    found = _PLACE.fullmatch(text)
    port = int(found[3] or KAFKA_PORT) if found else 0
    if found is None or not 1 <= port <= 65535:
        return None
    host = found[1] or found[2]
    return Place(LOOPBACK.get(host, host), port)


def advertised_of(given: str, servers: str) -> Place:
    """Where the hop's proxy listens: `given` is KAFKA_ADVERTISED, `servers` where Kafka really is. Raises
    `AdvertisedBroken`."""
    place, real = place_of(given) if ":" in given else None, place_of(servers)
    if place is None:
        raise AdvertisedBroken(f"{ADVERTISED} is not host:port, such as 127.0.0.1:19092: {given[:128]!r}. {_OTHERWISE}")
    if place.host not in LOOPBACK:
        raise AdvertisedBroken(
            f"{ADVERTISED} is {given}, and the fault proxy listens on 127.0.0.1 alone. Start Kafka with an advertised "
            f"address such as 127.0.0.1:19092. {_OTHERWISE}"
        )
    if "," in servers:
        raise AdvertisedBroken(
            f"{ADVERTISED} is the address of one server, and several are named: {servers[:128]}. Name one. {_OTHERWISE}"
        )
    if real is None:
        raise AdvertisedBroken(f"Kafka's own address is not host:port: {servers[:128]!r}. Correct it. {_OTHERWISE}")
    if place == real:
        raise AdvertisedBroken(
            f"{ADVERTISED} is where Kafka itself listens, {given}, so that no proxy can listen there. Start Kafka with "
            f"another advertised address, and name that. {_OTHERWISE}"
        )
    return place
