"""Rebuilds the read side's records of every player from the ledger, and compares them with it."""

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.broker import BrokerUnavailable, connect
from bff.broker.port import Reader
from bff.commands.engine.identifiers import fresh_id
from bff.commands.engine.policy import RELAY
from bff.commands.engine.progress_bar import Bar
from bff.commands.engine.threads import Engine, EngineUnavailable
from bff.commands.ledger.models import RelayState
from bff.commands.ledger.statement import state_part
from bff.commands.relay import epochs, rebuild, restating, unsent
from bff.commands.relay.partition_ends import first_epoch, read_ends
from bff.commands.relay.places import Places
from bff.contracts.ledger import (
    BALANCES_COMPARED,
    PLAYERS_REBUILT,
    REQUESTS_STREAM,
    BalancesCompared,
    PlayerRebuilt,
    PlayersRebuilt,
)

SILENCE_S_MAX = 30.0
# The most players whose restatement may be unanswered: few, so that commands and the relay's heartbeats get their turn.
WAITING_MAX = 40
PLAYERS_AT_ONCE = 10


class Command(BaseCommand):
    help = (
        "Rebuild what the read side shows of every player, out of the ledger: each player's records are made in a "
        "shadow, held against the ledger's own sums, and swapped in only when they agree; until then the old ones are "
        "shown and stay current. Then all of it is compared once more. Relay and projector must be running. Stopped "
        "half-way, it goes on where it was when it is called again. Exit code 1 when a shadow was refused or a player "
        "differs. Example: manage.py rebuild_views --settings bff.commands.settings"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--partition",
            type=int,
            metavar="N",
            help="only the players of this partition of the ledger's stream, from 0; the others are left alone",
        )
        how = parser.add_mutually_exclusive_group()
        how.add_argument("--compare-only", action="store_true", help="rebuild nothing, only compare")
        how.add_argument(
            "--new-epoch",
            action="store_true",
            help="for a store with wrong sequences: begin an epoch in which every player is restated, "
            "without a shadow; until all are, wallets say that they age",
        )

    def handle(
        self, *args: Any, compare_only: bool, new_epoch: bool, partition: int | None = None, **options: Any
    ) -> None:
        if new_epoch and partition is not None:
            raise CommandError(
                "An epoch that is begun by hand is everybody's: leave out --partition, or leave out --new-epoch."
            )
        try:
            refused = asyncio.run(self._run(compare_only, new_epoch, partition))
        except (BrokerUnavailable, EngineUnavailable) as error:
            raise CommandError(f"{error}. What was done so far stands; call this again to go on.") from error
        if refused:
            sys.exit(1)

    async def _run(self, compare_only: bool, new_epoch: bool, partition: int | None) -> int:
        """How many players differ from the ledger."""
        engine, broker = Engine(threads=1), connect(settings.BROKER_URL)
        reader = broker.reader(REQUESTS_STREAM, "rebuild-views", fresh_id("rebuild"))
        refused = 0
        try:
            whose = await _places(engine, partition)
            if new_epoch:
                await engine.run(_begin_epoch)
                await _restate(engine)
            elif not compare_only:
                refused = await self._rebuild(engine, reader, whose, partition)
            return refused + await self._compare(engine, reader, partition)
        finally:
            await reader.aclose()
            await broker.aclose()
            engine.close()

    async def _rebuild(self, engine: Engine, reader: Reader, whose: Places | None, partition: int | None) -> int:
        """Restate a few at a time, and save how far the answers have come; how many were refused."""
        state, fresh = await engine.run(rebuild.begin, datetime.now(UTC), partition)
        if state.partition != partition:
            raise CommandError(_other_under_way(state.partition))
        if not fresh:
            self.stderr.write(f"going on with the rebuild that was begun at {state.began_at:%Y-%m-%d %H:%M:%S} UTC")
        bar = Bar("rebuilding", await engine.run(rebuild.players_left, state.after, whose))
        waiting: deque[str] = deque()
        outcomes: dict[str, PlayerRebuilt] = {}
        answers = _answers(reader, PLAYERS_REBUILT, state.run)
        last, more = state.after, True
        while more or waiting:
            while more and len(waiting) <= WAITING_MAX - PLAYERS_AT_ONCE:
                players = await engine.run(rebuild.next_players, last, PLAYERS_AT_ONCE, whose)
                more = bool(players)
                for name, currency in players:
                    await engine.run(rebuild.append_player, name, currency, state.run, datetime.now(UTC))
                    waiting.append(name)
                    last = name
            if not waiting:
                break
            for each in msgspec.convert(await anext(answers), PlayersRebuilt).players:
                outcomes.setdefault(each.player, each)
            before = state.after
            while waiting and waiting[0] in outcomes:
                self._count(state, outcomes.pop(waiting.popleft()))
                bar.advance()
            if state.after != before:
                await engine.run(rebuild.save_progress, state.run, state.after, state.swapped, state.refused)
        bar.close()
        await engine.run(rebuild.end, state.run)
        self.stdout.write(f"{state.swapped} players were rebuilt, {state.refused} shadows were refused.")
        return state.refused

    def _count(self, state: Any, outcome: PlayerRebuilt) -> None:
        state.after = outcome.player
        state.swapped += outcome.outcome != "refused"
        if outcome.outcome == "refused":
            state.refused += 1
            self.stdout.write(f"{outcome.player} was left as it was: {outcome.why}")

    async def _compare(self, engine: Engine, reader: Reader, partition: int | None) -> int:
        run, parts, before, after = fresh_id("cmp"), 0, None, ""
        partitions = await engine.run(epochs.partitions)
        while after != before:
            before = after
            after, count = await engine.run(state_part, run, parts, after, datetime.now(UTC), partitions, partition)
            parts += count
        bar, found = Bar("comparing", parts), dict[int, BalancesCompared]()
        answers = _answers(reader, BALANCES_COMPARED, run)
        while len(found) < parts:
            answer = msgspec.convert(await anext(answers), BalancesCompared)
            if answer.part not in found:
                found[answer.part] = answer
                bar.advance()
        bar.close()
        wrong = [sentence for _, answer in sorted(found.items()) for sentence in answer.wrong]
        for sentence in wrong:
            self.stdout.write(sentence)
        equal, moved_on = (sum(getattr(answer, name) for answer in found.values()) for name in ("equal", "moved_on"))
        self.stdout.write(
            f"{equal} players are as the ledger says, {moved_on} moved on meanwhile, {len(wrong)} differ."
        )
        return len(wrong)


async def _places(engine: Engine, partition: int | None) -> Places | None:
    """Whose players are meant; None for all. Raises `CommandError` where there is no such partition."""
    if partition is None:
        return None
    count = await engine.run(epochs.partitions)
    if not 0 <= partition < count:
        raise CommandError(f"There is no partition {partition}: the ledger has {count}, counted from 0.")
    return Places.of(frozenset({partition}), count)


def _other_under_way(partition: int | None) -> str:
    what, how = ("all players", "") if partition is None else (f"partition {partition}", f" --partition {partition}")
    return (
        f"A rebuild of {what} is under way or was stopped half-way. Nothing was done. Let it end first: "
        f"rebuild_views{how}"
    )


def _begin_epoch() -> None:
    """A new epoch, unless players are still being restated in one."""
    if not _not_restated():
        epochs.begin_epoch("", datetime.now(UTC), forced=True)


async def _restate(engine: Engine) -> None:
    """The relay restates players too; together they are only faster, and wait until what they wrote is out."""
    left = await engine.run(_not_restated)
    bar = Bar("restating", left)
    while left:
        if await engine.run(unsent.backlog) < RELAY.unread_events_max:
            await engine.run(restating.restate_some, datetime.now(UTC))
        else:
            await asyncio.sleep(0.1)
        before, left = left, await engine.run(_not_restated)
        bar.advance(max(0, before - left))
    bar.close()


def _not_restated() -> int:
    return restating.not_restated(first_epoch(read_ends(RelayState.objects.get(pk=1)))).count()


async def _answers(reader: Reader, kind: str, run: str) -> AsyncIterator[Any]:
    """Data of the projector's answers of `kind` to `run`. Raises when none comes: what it answers to the relay all the
    time does not say that this is going on."""
    last_answer_at = time.monotonic()
    while True:
        deliveries = await reader.fetch()
        await reader.ack(deliveries)
        for delivery in deliveries:
            if delivery.event.type == kind and delivery.event.data.get("run") == run:
                last_answer_at = time.monotonic()
                yield delivery.event.data
        if time.monotonic() - last_answer_at > SILENCE_S_MAX:
            raise BrokerUnavailable(f"the projector has not answered for {SILENCE_S_MAX:.0f} s")
