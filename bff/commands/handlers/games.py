"""Commands on games of the catalogue: favourites, and the last launched game. No money moves here.

Public: `set_favourite`, `launch_game`.

Whether there is such a game the read side knows; an id that is in no catalogue is shown to nobody.
"""

from datetime import datetime

from django.db import transaction

from bff.commands.ledger import outbox, player_limits, receipts
from bff.commands.ledger.accounts import PlayerAccounts
from bff.commands.ledger.command_request import CommandRejected, CommandRequest
from bff.commands.ledger.models import PlayerGame, Receipt
from bff.contracts.games import FAVOURITES_MAX, RECENT_MAX, LaunchGame, SetFavourite, is_game_id


@transaction.atomic
def set_favourite(request: CommandRequest, body: SetFavourite, now: datetime) -> Receipt:
    """The game is, or is no more, one of the player's favourites; one that is already keeps its place."""
    game_id = _checked(body.game_id)
    accounts = PlayerAccounts.open(request.player, request.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    favourites = PlayerGame.objects.filter(player=accounts.player, favourite_at__isnull=False)
    if not body.favourite:
        favourites.filter(game_id=game_id).update(favourite_at=None)
    elif not favourites.filter(game_id=game_id).exists():
        if favourites.count() >= FAVOURITES_MAX:
            detail = f"You have {FAVOURITES_MAX} favourites, as many as there can be. Take one away first."
            raise CommandRejected(409, "favourites_full", detail)
        PlayerGame.objects.update_or_create(player=accounts.player, game_id=game_id, defaults={"favourite_at": now})
    return _done(accounts, request, "favourite", "FavouriteSet")


@transaction.atomic
def launch_game(request: CommandRequest, body: LaunchGame, now: datetime) -> Receipt:
    """The game is the player's latest. Who is on a break launches none."""
    game_id = _checked(body.game_id)
    accounts = PlayerAccounts.open(request.player, request.currency, now)
    if (existing := receipts.find_existing(request, accounts)) is not None:
        return existing
    player_limits.check_excluded(accounts)
    PlayerGame.objects.update_or_create(player=accounts.player, game_id=game_id, defaults={"launched_at": now})
    launched = PlayerGame.objects.filter(player=accounts.player, launched_at__isnull=False)
    latest = list(launched.order_by("-launched_at", "-pk").values_list("pk", flat=True)[:RECENT_MAX])
    launched.exclude(pk__in=latest).update(launched_at=None)
    return _done(accounts, request, "launch", "GameLaunched")


def _checked(game_id: str) -> str:
    if not is_game_id(game_id):
        fields = {"game_id": "a provider, a colon and its code, such as lantern:lw_00001"}
        raise CommandRejected(422, "game_id_invalid", "This is no game. Nothing was changed.", fields)
    return game_id


def _done(accounts: PlayerAccounts, request: CommandRequest, kind: str, event_type: str) -> Receipt:
    PlayerGame.objects.filter(player=accounts.player, favourite_at=None, launched_at=None).delete()
    receipt = receipts.write(accounts, request, kind=kind, state="done", amount_minor=0, in_history=False)
    outbox.append(accounts, event_type, [receipt], games_changed=True)
    return receipt
