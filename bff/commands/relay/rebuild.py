"""A rebuild of the query store: every player, of one partition or of all, is restated for a shadow that is swapped in
when it agrees.

Public: `begin`, `players_left`, `next_players`, `append_player`, `save_progress`, `end`.

What each function does is one transaction. A rebuild that was stopped at any line goes on after the last player who
was answered for; whoever is restated a second time is only swapped a second time.
"""

from datetime import datetime

from django.db import transaction

from bff.commands.engine.identifiers import fresh_id
from bff.commands.ledger import outbox
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.models import Player, Rebuild
from bff.commands.ledger.statement import statements_of
from bff.commands.relay.places import Places


def begin(now: datetime, partition: int | None = None) -> tuple[Rebuild, bool]:
    """The rebuild that is under way, whatever it is of, or a new one of `partition` (None: of all); and whether it is
    new."""
    new = {"run": fresh_id("rebuild"), "began_at": now, "partition": partition}
    return Rebuild.objects.get_or_create(pk=1, defaults=new)


def players_left(after: str, places: Places | None = None) -> int:
    """How many players, of `places` where they are given, sort after `after`."""
    left = Player.objects.filter(pk__gt=after)
    if places is None:
        return left.count()
    return sum(places.has_player(player) for player in left.values_list("pk", flat=True).iterator())


def next_players(after: str, count: int, places: Places | None = None) -> list[tuple[str, str]]:
    """The next players after `after`, of `places` where they are given, with their currencies; empty at the end."""
    found: list[tuple[str, str]] = []
    at_once = count * (places.count if places else 1)
    while not found:
        some = list(Player.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "currency")[:at_once])
        if not some:
            break
        found = [each for each in some if places is None or places.has_player(each[0])][:count]
        after = some[-1][0]
    return found


def append_player(player_id: str, currency: str, run: str, now: datetime) -> None:
    """Put everything about the player into the outbox, for the shadow of `run` only.

    It takes the next number of the player's sequence, so that whoever follows the player sees what the swap changes.
    """
    with transaction.atomic():
        accounts = PlayerAccounts.open(player_id, currency, now)
        if accounts.player.epoch != accounts.epoch:
            outbox.restate(accounts)  # the next event needs an event to follow
        accounts.player.sequence += 1
        accounts.player.save(update_fields=["sequence"])
        [stands] = statements_of(Player.objects.filter(pk=player_id))
        outbox.append_rebuild(accounts, run, stands)


def save_progress(run: str, after: str, swapped: int, refused: int) -> None:
    """Write down that all players up to `after` are answered for, and how it ended for all of them so far."""
    Rebuild.objects.filter(pk=1, run=run).update(after=after, swapped=swapped, refused=refused)


def end(run: str) -> None:
    """The rebuild is done; the next one begins from the first player."""
    Rebuild.objects.filter(pk=1, run=run).delete()
