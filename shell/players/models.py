"""A player's account, and which sessions have ended.

Public: `Player`, `Revocation`.
"""

import secrets
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models, transaction
from django.utils import timezone
from django.utils.crypto import salted_hmac

# The fields whose change may end every session of a player.
_ENDING = frozenset({"is_active", "password"})


def new_player_id() -> str:
    """An id that says nothing about the player and is never used again."""
    return f"pl_{secrets.token_hex(8)}"


class PlayerQuerySet(models.QuerySet["Player"]):
    """Blocks and new passwords written past `save` end sessions as well."""

    def update(self, **values: Any) -> int:
        if not _ENDING.intersection(values):
            return super().update(**values)
        with transaction.atomic(using=self.db):
            pks = list(self.values_list("pk", flat=True))
            rows = super().update(**values)
            written = Player.objects.filter(pk__in=pks)
            _end_all(written if "password" in values else written.filter(is_active=False))
        return rows

    update.alters_data = True  # type: ignore[attr-defined]  # Django's way to mark a method


class PlayerManager(UserManager.from_queryset(PlayerQuerySet)):  # type: ignore[misc]  # a base made at run time
    """Django's, over `PlayerQuerySet`."""

    use_in_migrations = False


class Player(AbstractUser):
    """`player_id` is what every other house knows a player by; the user name never leaves the shell.

    `sessions_epoch` is part of what a session is checked against: raising it ends all of them, on every device.
    """

    player_id = models.CharField(max_length=64, unique=True, default=new_player_id)
    currency = models.CharField(max_length=3, default="EUR")
    sessions_epoch = models.PositiveIntegerField(default=0, editable=False)

    objects: ClassVar[PlayerManager] = PlayerManager()

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, **options: Any) -> None:
        """A player who is blocked, or gets another password, is signed out everywhere in the same transaction."""
        fields = options.get("update_fields")
        if self._state.adding or (fields is not None and not _ENDING.intersection(fields)):
            super().save(*args, **options)
            return
        with transaction.atomic():
            stored = Player.objects.select_for_update().filter(pk=self.pk)
            before = stored.values("is_active", "password", "sessions_epoch").first()
            if before is not None:
                # An object that was loaded long ago must not bring ended sessions back.
                self.sessions_epoch = before["sessions_epoch"]
            super().save(*args, **options)
            after = stored.values("is_active", "password").first()
            if before and after and _ends(before, after):
                self.end_sessions()

    def end_sessions(self) -> None:
        """Sign this player out on every device."""
        with transaction.atomic():
            _end_all(Player.objects.filter(pk=self.pk))
            self.refresh_from_db(fields=["sessions_epoch"])

    def get_session_auth_hash(self) -> str:
        """Django holds every session against this: it changes with the password and with `sessions_epoch`."""
        return self._sessions_hash()

    def get_session_auth_fallback_hash(self) -> Any:
        return (self._sessions_hash(secret) for secret in settings.SECRET_KEY_FALLBACKS)

    def _sessions_hash(self, secret: str | bytes | None = None) -> str:
        value = f"{self.sessions_epoch}.{self.password}"
        return salted_hmac("shell.players.sessions", value, secret=secret, algorithm="sha256").hexdigest()


class Revocation(models.Model):
    """One session that ended (`mark`), or all of a player's from before `epoch`.

    Written in the transaction that ends the session, so that what every process reads here is complete. `pushed` says
    that it has gone out over Redis as well.
    """

    mark = models.CharField(max_length=32, blank=True)
    player = models.CharField(max_length=64)
    epoch = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(default=timezone.now, db_index=True)
    pushed = models.BooleanField(default=False, db_index=True)

    def __str__(self) -> str:
        return f"{self.player} {self.mark or f'before epoch {self.epoch}'}"


def _ends(before: dict[str, Any], after: dict[str, Any]) -> bool:
    return (before["is_active"] and not after["is_active"]) or before["password"] != after["password"]


def _end_all(players: models.QuerySet[Player]) -> None:
    from shell.players.revoke import record

    pks = list(players.values_list("pk", flat=True))
    models.QuerySet.update(Player.objects.filter(pk__in=pks), sessions_epoch=models.F("sessions_epoch") + 1)
    ended = Player.objects.filter(pk__in=pks).values_list("player_id", "sessions_epoch")
    record(Revocation(player=player, epoch=epoch) for player, epoch in ended)
