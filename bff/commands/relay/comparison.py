"""The continuous comparison of the read side with the ledger, a few players at a time.

Public: `state_next`.

It is read without a lock and without a transaction: a player whom a command touches meanwhile, or of whom an event is
still on its way out, is left out of this round.
"""

from bff.commands.engine.policy import RELAY
from bff.commands.ledger.models import Player
from bff.commands.ledger.statement import statements_of
from bff.commands.relay.places import Places
from bff.commands.relay.unsent import leaving
from bff.contracts.ledger import PlayerStatement
from bff.contracts.ledger_partition import aggregate_of_player


def state_next(after: str, places: Places) -> tuple[str, list[PlayerStatement]]:
    """The last of the players that sort after `after` and come next ("" when that was all of them), and where those
    of them in `places` stand of whom everything has gone out."""
    # So many of one relay's own are among these, however many relays share the players.
    count = RELAY.compare_players_max * -(-places.count // len(places.held))
    candidates = list(Player.objects.filter(pk__gt=after).order_by("pk").values_list("pk", "lines")[:count])
    chosen: list[str] = []
    lines, last = 0, ""
    for player, length in candidates:
        if places.has_player(player):
            if chosen and (lines + length > RELAY.compare_lines_max or len(chosen) == RELAY.compare_players_max):
                break
            chosen.append(player)
            lines += length
        last = player
    if not chosen:
        return last, []
    stands = statements_of(Player.objects.filter(pk__in=chosen))
    # Read last: who has not moved by then is as it was stated, and all of it is in the stream.
    still = dict(Player.objects.filter(pk__in=chosen).values_list("pk", "sequence"))
    on_their_way = leaving(places)
    gone_out = {each for each in chosen if aggregate_of_player(each) not in on_their_way}
    return last, [each for each in stands if still[each.player] == each.sequence[1] and each.player in gone_out]
