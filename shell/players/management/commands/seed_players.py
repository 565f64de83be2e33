"""`manage.py seed_players`: the three demo players of a local run."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from shell.players.models import Player

DEMO_PASSWORD = "mullion-demo"  # noqa: S105  a local run only: the command refuses elsewhere
DEMO_PLAYERS = (("amber", "EUR"), ("birch", "GBP"), ("cedar", "JPY"))


class Command(BaseCommand):
    help = "Create the demo players amber (EUR), birch (GBP) and cedar (JPY) for a run on this machine."

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.LOCAL:
            raise CommandError("Demo players have a known password; they are created only with DEBUG=1.")
        made = []
        for name, currency in DEMO_PLAYERS:
            player, is_new = Player.objects.get_or_create(
                username=name, defaults={"player_id": f"pl_{name}", "currency": currency}
            )
            if is_new:
                player.set_password(DEMO_PASSWORD)
                player.save(update_fields=["password"])
                made.append(name)
        self.stdout.write(f"demo players made: {', '.join(made)}" if made else "demo players were there already")
