"""Computes the needs of so many players from the cost of one page, socket, view and command, and from their behaviour.

Public: `Behaviour`, `Prices`, `Part`, `Need`, `Limit`, `Plan`, `plan`. Nothing is read or measured here.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tests.benchmarks.queueing import utilisation_max


@dataclass(frozen=True)
class Behaviour:
    """Assumptions about one concurrent player, and about the busiest minute. Change them to your own."""

    pages_per_min: float = 0.5
    # The share of pages without a player (before a sign-in, crawlers, returning visitors).
    visitor_pages_share: float = 0.3
    slot_refreshes_per_min: float = 0.5
    # Bets, wins and payments: each is one command.
    commands_per_min: float = 2.0
    sockets_per_player: float = 0.8
    messages_per_socket_per_s: float = 0.5
    message_bytes: float = 400.0
    # The busiest minute (a final's whistle) in multiples of the average.
    peak_factor: float = 3.0
    # The p99 of calls at that peak, in multiples of the p99 without load.
    p99_factor_max: float = 2.0
    # Browsers cache assets, so only the bodies of pages are sent each time.
    page_compression: float = 0.25
    # Players with records in the read side, for each concurrent player.
    accounts_per_player: float = 5.0
    # The memory of one process, from the manifests' requests.
    process_gib: float = 0.25
    sockets_per_process_max: float = 20_000.0
    # How busy a part may be of which there is only one, so that no neighbour can take its calls.
    single_busy_max: float = 0.7
    store_busy_max: float = 0.6
    connections_per_engine: float = 8.0
    database_cores_max: float = 64.0


@dataclass(frozen=True)
class Prices:
    """Prices a month, in one currency of yours: list prices of large providers, rounded, without discounts."""

    core: float = 25.0
    gib: float = 3.0
    database_core: float = 90.0
    store_gib: float = 12.0
    egress_gib: float = 0.05
    peak_hours_share: float = 0.25


@dataclass(frozen=True)
class Part:
    """One kind of process at the peak. `unit_ms` is CPU a call; each of the `processes` has one core."""

    name: str
    per_s: float
    unit_ms: float
    utilisation: float
    processes: int
    memory_gib: float

    @property
    def busy_cores(self) -> float:
        return self.per_s * self.unit_ms / 1000


@dataclass(frozen=True)
class Need:
    name: str
    amount: str
    why: str


@dataclass(frozen=True)
class Limit:
    """`what` is full when there are `players` at the peak."""

    players: float
    what: str
    then: str


@dataclass(frozen=True)
class Plan:
    parts: list[Part]
    needs: list[Need]
    limits: list[Limit]
    money: dict[str, float]


@dataclass(frozen=True)
class Rates:
    """Rates a second, at the peak."""

    visitor_pages: float
    player_pages: float
    refreshes: float
    look_ups: float
    commands: float
    sockets: float
    messages: float

    @classmethod
    def of(cls, players: float, behaviour: Behaviour) -> "Rates":
        peak = players * behaviour.peak_factor / 60
        sockets = players * behaviour.sockets_per_player
        # A session is looked up again after a minute, with what its player asks for next.
        asks_per_min = behaviour.pages_per_min * (1 - behaviour.visitor_pages_share) + behaviour.slot_refreshes_per_min
        look_ups = players / 60 * min(1.0, behaviour.peak_factor * asks_per_min)
        return cls(
            visitor_pages=peak * behaviour.pages_per_min * behaviour.visitor_pages_share,
            player_pages=peak * behaviour.pages_per_min * (1 - behaviour.visitor_pages_share),
            refreshes=peak * behaviour.slot_refreshes_per_min,
            look_ups=look_ups,
            commands=peak * behaviour.commands_per_min,
            sockets=sockets,
            messages=sockets * behaviour.messages_per_socket_per_s,
        )

    @property
    def pages(self) -> float:
        return self.visitor_pages + self.player_pages


SLOTS = 4
PAGE_PARTS = ("shell", "wallet", "live-dealer", "games", "promotions", "bff-queries")


def plan(players: int, figures: Mapping[str, float], behaviour: Behaviour, prices: Prices) -> Plan:
    """The whole plan for so many concurrent players. A KeyError names a missing figure."""
    rates = Rates.of(players, behaviour)
    parts = _parts(rates, figures, behaviour)
    store_cores, database_cores = _store_cores(rates, figures), _database_cores(rates, figures)
    store_gib = players * behaviour.accounts_per_player * figures["player.store_kib"] / 1024**2
    page_kib = _page_kib(rates, figures) * behaviour.page_compression
    gib_per_s = (page_kib + rates.messages * behaviour.message_bytes / 1024) / 1024**2
    needs = [
        Need(
            "pages",
            f"{rates.pages:,.0f}/s",
            f"and {rates.commands:,.0f} commands/s, at {behaviour.peak_factor:g} × the average",
        ),
        Need(
            "look-ups of sessions",
            f"{rates.look_ups:,.0f}/s",
            "of each player once a minute; a shell keeps up to 12 connections to its database: through pgbouncer",
        ),
        Need("Valkey, busy", f"{store_cores:.1f} cores", "one primary works on one core"),
        Need(
            "Valkey, memory",
            f"{store_gib:,.0f} GiB",
            f"{figures['player.store_kib']:.1f} KiB an account, {behaviour.accounts_per_player:g} accounts a player",
        ),
        Need(
            "Valkey primaries",
            str(max(1, math.ceil(store_cores / behaviour.store_busy_max))),
            f"each at most {behaviour.store_busy_max:.0%} busy",
        ),
        Need("PostgreSQL, busy", f"{database_cores:.0f} cores", f"{figures['command.database_ms']:.2f} ms a command"),
        Need(
            "partitions of events",
            str(_partitions(rates, figures, behaviour)),
            f"one projector and one relay each, at most {behaviour.single_busy_max:.0%} busy",
        ),
        Need("sockets", f"{rates.sockets:,.0f}", f"{rates.messages:,.0f} messages/s to browsers"),
        Need(
            "connections to PostgreSQL",
            f"{_processes(parts, 'bff-commands') * behaviour.connections_per_engine:,.0f}",
            "8 an engine: through pgbouncer, 4 × the database's cores of them real",
        ),
        Need(
            "to browsers",
            f"{gib_per_s * 8 * 1.074:,.1f} Gbit/s",
            f"pages compressed to {behaviour.page_compression:.0%}, messages as they are",
        ),
    ]
    money = _money(parts, store_gib, database_cores, gib_per_s, behaviour, prices)
    return Plan(parts, needs, _limits(players, rates, figures, behaviour), money)


def _parts(rates: Rates, figures: Mapping[str, float], behaviour: Behaviour) -> list[Part]:
    found = []
    for name in PAGE_PARTS:
        visitor, player = figures[f"page.visitor.{name}_ms"], figures[f"page.player.{name}_ms"]
        # Each refetched slot costs about its share of a player's page.
        busy = rates.visitor_pages * visitor + (rates.player_pages + rates.refreshes / SLOTS) * player
        if name == "shell":
            busy += rates.look_ups * figures["session.look_up_ms"]
        calls = rates.pages + rates.refreshes / SLOTS
        found.append(_part(name, calls, busy / calls, behaviour))
    found.append(_part("bff-commands", rates.commands, figures["command.engine_ms"], behaviour))
    found.append(_part("relay", rates.commands, figures["command.relay_ms"], behaviour))
    found.append(_part("projector", rates.commands, figures["command.projector_ms"], behaviour))
    socket = _part("bff-live", rates.messages, 1000 / figures["socket.deliveries_per_cpu_s"], behaviour)
    by_number = math.ceil(rates.sockets / behaviour.sockets_per_process_max)
    memory = rates.sockets * figures["socket.idle_kib"] / 1024**2
    processes = max(2, socket.processes, by_number)
    found.append(
        Part(
            socket.name,
            socket.per_s,
            socket.unit_ms,
            socket.utilisation,
            processes,
            memory + processes * behaviour.process_gib,
        )
    )
    return found


def _part(name: str, per_s: float, unit_ms: float, behaviour: Behaviour) -> Part:
    """At least two processes, and as many as keep each no busier than the simulation allows."""
    utilisation = utilisation_max(behaviour.p99_factor_max, 8)
    processes = max(2, math.ceil(per_s * unit_ms / 1000 / utilisation))
    return Part(name, per_s, unit_ms, utilisation, processes, processes * behaviour.process_gib)


def _processes(parts: list[Part], name: str) -> int:
    return next(part.processes for part in parts if part.name == name)


def _page_kib(rates: Rates, figures: Mapping[str, float]) -> float:
    return rates.visitor_pages * figures["page.visitor.kib"] + rates.player_pages * figures["page.player.kib"]


def _store_cores(rates: Rates, figures: Mapping[str, float]) -> float:
    pages = (
        rates.visitor_pages * figures["page.visitor.valkey_ms"] + rates.player_pages * figures["page.player.valkey_ms"]
    )
    return (pages + rates.commands * figures["command.valkey_ms"]) / 1000


def _database_cores(rates: Rates, figures: Mapping[str, float]) -> float:
    return rates.commands * figures["command.database_ms"] / 1000


def _partitions(rates: Rates, figures: Mapping[str, float], behaviour: Behaviour) -> int:
    """As many as the more expensive of the two processes that share them needs."""
    dearer_ms = max(figures["command.projector_ms"], figures["command.relay_ms"])
    return max(1, math.ceil(rates.commands * dearer_ms / 1000 / behaviour.single_busy_max))


def _limits(players: int, rates: Rates, figures: Mapping[str, float], behaviour: Behaviour) -> list[Limit]:
    """Parts that can not be doubled by another process, the first to be full first."""

    def at(cores: float, full: float) -> float:
        return players * full / cores if cores else math.inf

    commands, single = rates.commands / 1000, behaviour.single_busy_max
    found = [
        Limit(at(commands * figures["command.relay_ms"], single), "one relay (one core)", "partitions, one relay each"),
        Limit(
            at(commands * figures["command.projector_ms"], single),
            "one projector (one core)",
            "partitions, one projector each",
        ),
        Limit(
            at(_store_cores(rates, figures), behaviour.store_busy_max),
            "one Valkey primary (one core)",
            "events to Kafka; then an installation a market, each with a store",
        ),
        Limit(
            at(_database_cores(rates, figures), single * behaviour.database_cores_max),
            f"one PostgreSQL of {behaviour.database_cores_max:.0f} cores",
            "an installation a market or brand: a player's money never leaves theirs",
        ),
    ]
    return sorted(found, key=lambda limit: limit.players)


def _money(
    parts: list[Part], store_gib: float, database_cores: float, gib_per_s: float, behaviour: Behaviour, prices: Prices
) -> dict[str, float]:
    """What scales with the load is paid for at the peak during `peak_hours_share` of the month, and at the average
    otherwise."""
    share = prices.peak_hours_share + (1 - prices.peak_hours_share) / behaviour.peak_factor
    lines = {
        "cores of processes": sum(part.processes for part in parts) * prices.core * share,
        "their memory": sum(part.memory_gib for part in parts) * prices.gib * share,
        "PostgreSQL, and one that stands by": 2 * database_cores / behaviour.single_busy_max * prices.database_core,
        "Valkey, and one that stands by": 2 * store_gib * prices.store_gib,
        "to browsers": gib_per_s * share * 30 * 86_400 * prices.egress_gib,
    }
    return {**lines, "all": sum(lines.values())}
