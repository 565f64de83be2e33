"""`manage.py sign_out_everywhere`: end every session of a player, on every device."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from shell.players.models import Player


class Command(BaseCommand):
    help = (
        "End every session of players: their pages within a second, their live sockets within five. "
        "Example: manage.py sign_out_everywhere amber --block"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("names", nargs="+", metavar="NAME", help="user names of players")
        parser.add_argument("--block", action="store_true", help="and let nobody sign in to these accounts again")

    def handle(self, *args: Any, **options: Any) -> None:
        names = options["names"]
        players = {player.username: player for player in Player.objects.filter(username__in=names)}
        if missing := [name for name in names if name not in players]:
            raise CommandError(f"There is no player named {', '.join(missing)}. Nobody was signed out.")
        for player in players.values():
            if options["block"]:
                Player.objects.filter(pk=player.pk).update(is_active=False)
            else:
                player.end_sessions()
            self.stdout.write(f"{player.username} is signed out everywhere{' and blocked' if options['block'] else ''}")
