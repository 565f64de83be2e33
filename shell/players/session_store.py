"""Sessions in the database alone, where ending one leaves a revocation in the same transaction.

Public: `SessionStore` (Django's name for what `SESSION_ENGINE` names). See decisions/0001.
"""

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db import transaction

from shell.database import DATABASE_AWAY
from shell.players.mark import mark_of
from shell.players.models import Player, Revocation
from shell.players.revoke import record


class SessionStore(db.SessionStore):
    """Signing out, signing in over another session, changing a key: all of them end a session by `delete`."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def save(self, must_create: bool = False) -> None:
        """Django takes every error of an update for a session that is gone; a database that is away is not that."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, DATABASE_AWAY):
                raise error.__context__ from None
            raise

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if not key or "\0" in key:
            return
        with transaction.atomic():
            row = Session.objects.filter(pk=key).first()
            if row is None:
                return
            pk = row.get_decoded().get(SESSION_KEY)
            row.delete()
            if pk is not None:
                player = Player.objects.filter(pk=pk).values_list("player_id", flat=True).first()
                record([Revocation(mark=mark_of(key), player=player or "")])
