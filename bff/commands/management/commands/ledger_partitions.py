"""Shows for each partition of the ledger's stream what waits on its way to the read side."""

import asyncio
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from bff.broker import BrokerUnavailable, Lag, connect
from bff.commands.ledger.models import RelayState
from bff.commands.relay.partition_ends import first_epoch, read_ends
from bff.commands.relay.places import Places
from bff.commands.relay.restating import is_restated, not_restated
from bff.commands.relay.unsent import backlogs
from bff.contracts.ledger import LEDGER_READER, LEDGER_STREAM

_ROW = "{:>9}  {:>9}  {:>7}  {:>11}  {:>9}  {}"


class Command(BaseCommand):
    help = (
        "Show for each partition of the ledger's stream the last position that was given, how many events have not "
        "left the outbox, how many the projectors have not applied, and how old the oldest of these is. Exit code 1 "
        "when the broker can not be asked. Example: manage.py ledger_partitions --settings bff.commands.settings"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        state = RelayState.objects.get(pk=1)
        ends = read_ends(state)
        unsent = backlogs(Places.of(frozenset(range(len(ends))), len(ends)))
        try:
            lags = asyncio.run(_lags(len(ends)))
        except BrokerUnavailable as error:
            raise CommandError(
                f"{error}. {sum(unsent.values())} events wait in the outbox; nothing is lost."
            ) from error
        self.stdout.write(_ROW.format("partition", "position", "unsent", "not applied", "oldest", "epoch"))
        for place, (end, lag) in enumerate(zip(ends, lags, strict=True)):
            oldest = f"{lag.seconds:.1f} s"
            self.stdout.write(_ROW.format(place, end.position, unsent[place], lag.events, oldest, end.epoch))
        self.stdout.write(f"The latest epoch began at {state.began_at:%Y-%m-%d %H:%M:%S} UTC.")
        if left := not_restated(first_epoch(ends)).count():
            self.stdout.write(f"{left} players are not restated yet; until they are, wallets say that they age.")
        for place, end in enumerate(ends):
            if not is_restated(end):
                self.stdout.write(f"Partition {place} is being restated; until it is, its players' wallets age.")


async def _lags(partitions: int) -> list[Lag]:
    broker = connect(settings.BROKER_URL)
    try:
        return [await broker.lag(LEDGER_STREAM, LEDGER_READER, partition=place) for place in range(partitions)]
    finally:
        await broker.aclose()
