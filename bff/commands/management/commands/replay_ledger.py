"""Tell the read side everything again, and hold what it then shows against the ledger."""

import asyncio
import sys
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from bff.broker import BrokerUnavailable, connect
from bff.broker.port import Reader
from bff.commands import relay_steps
from bff.commands.engine import Engine, EngineUnavailable
from bff.commands.epoch import fresh_id
from bff.commands.models import Player, RelayState
from bff.commands.progress import Bar
from bff.commands.statement import state_part
from bff.contracts.ledger import BALANCES_COMPARED, REQUESTS_STREAM, BalancesCompared

SILENCE_S_MAX = 30.0


class Command(BaseCommand):
    help = (
        "Begin an epoch in which every player is told again, then compare what the read side holds with the ledger. "
        "Relay and projector must be running. Stopped half-way, it goes on where it was when it is called again. "
        "Exit code 1 when any player differs. "
        "Example: manage.py replay_ledger --settings bff.commands.settings"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--compare-only", action="store_true", help="tell nothing again, only compare")

    def handle(self, *args: Any, compare_only: bool, **options: Any) -> None:
        try:
            answers = asyncio.run(self._run(compare_only))
        except (BrokerUnavailable, EngineUnavailable) as error:
            raise CommandError(f"{error}. What was told so far stands; call this again to go on.") from error
        wrong = [sentence for answer in answers for sentence in answer.wrong]
        for sentence in wrong:
            self.stdout.write(sentence)
        equal, moved_on = (sum(getattr(answer, name) for answer in answers) for name in ("equal", "moved_on"))
        self.stdout.write(
            f"{equal} players are as the ledger says, {moved_on} moved on meanwhile, {len(wrong)} differ."
        )
        if wrong:
            sys.exit(1)

    async def _run(self, compare_only: bool) -> list[BalancesCompared]:
        engine, broker = Engine(threads=1), connect(settings.BROKER_URL)
        try:
            if not compare_only:
                await engine.run(_begin)
                await _tell(engine)
            run = fresh_id("cmp")
            reader = broker.reader(REQUESTS_STREAM, "replay-ledger", run)
            parts = await _state(engine, run)
            return await _answers(reader, run, parts)
        finally:
            await broker.aclose()
            engine.close()


def _begin() -> None:
    """A new epoch, unless one is still being told."""
    epoch = RelayState.objects.values_list("epoch", flat=True).get(pk=1)
    if not Player.objects.filter(epoch__lt=epoch).exists():
        relay_steps.begin_epoch(epoch, datetime.now(UTC), forced=True)


async def _tell(engine: Engine) -> None:
    """The relay tells players too; together they are only faster."""
    left = await engine.run(_untold)
    bar = Bar("telling", left)
    while left:
        await engine.run(relay_steps.restate_some, datetime.now(UTC))
        before, left = left, await engine.run(_untold)
        bar.advance(max(0, before - left))
    bar.close()


def _untold() -> int:
    epoch = RelayState.objects.values_list("epoch", flat=True).get(pk=1)
    return Player.objects.filter(epoch__lt=epoch).count()


async def _state(engine: Engine, run: str) -> int:
    after, part, count = "", 0, -1
    while count:
        after, count = await engine.run(state_part, run, part, after, datetime.now(UTC))
        part += 1 if count else 0
    return part


async def _answers(reader: Reader, run: str, parts: int) -> list[BalancesCompared]:
    bar, found = Bar("comparing", parts), {}
    heard = time.monotonic()
    while len(found) < parts:
        deliveries = await reader.fetch()
        await reader.ack(deliveries)
        for delivery in deliveries:
            if delivery.event.type != BALANCES_COMPARED:
                continue
            answer = msgspec.convert(delivery.event.data, BalancesCompared)
            if answer.run == run and answer.part not in found:
                found[answer.part] = answer
                heard = time.monotonic()
                bar.advance()
        if time.monotonic() - heard > SILENCE_S_MAX:
            raise BrokerUnavailable(f"the projector has answered {len(found)} of {parts} parts and fallen silent")
    bar.close()
    await reader.aclose()
    return list(found.values())
