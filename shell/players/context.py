"""Mints player contexts for fragments, and the ticket for the live socket.

Public: `Minter`.
"""

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable

from bff.contracts.player_context import LIVE_AUDIENCE, PlayerContext, mint
from shell.players.identity import Identity

LIFE_S = 120
# A token is used again while at least this much of its life is left: signing costs more than the rest of a header.
REST_S_MIN = 60
TICKET_S = 60
TOKENS_MAX = 20_000


class Minter:
    """Signs player contexts; `now` is Unix time in seconds."""

    def __init__(self, private_key_pem: str, *, now: Callable[[], float] = time.time) -> None:
        self._key = private_key_pem
        self._now = now
        self._tokens: OrderedDict[tuple[str, ...], tuple[int, str]] = OrderedDict()

    def bearer(
        self,
        player: str,
        audience: str,
        scopes: Iterable[str],
        *,
        currency: str,
        locale: str,
        life_s: int = 0,
        session: str = "",
    ) -> str:
        """A token for one player and one audience (a fragment, or a third party behind it), minutes long.

        With a `life_s` it lives that long and names the `session` that it ends with, and is as fresh when it is given.
        """
        now = int(self._now())
        key = (player, audience, currency, locale, session, str(bool(life_s)), *sorted(scopes))
        used_until, token = self._tokens.get(key, (0, ""))
        if used_until - now < REST_S_MIN:
            expires_at = now + (life_s or LIFE_S)
            context = PlayerContext(player, audience, currency, locale, frozenset(scopes), expires_at, session=session)
            token = mint(context, self._key, now=now)
            self._tokens[key] = (now + LIFE_S, token)
            self._tokens.move_to_end(key)
            while len(self._tokens) > TOKENS_MAX:
                self._tokens.popitem(last=False)
        return token

    def live_ticket(self, identity: Identity | None, *, currency: str, locale: str) -> str:
        """A one-minute ticket to open the live socket with, once, that ends with the session behind `identity`."""
        now = int(self._now())
        once = secrets.token_urlsafe(16)
        player = identity.player if identity else ""
        session = identity.session if identity else ""
        context = PlayerContext(player, LIVE_AUDIENCE, currency, locale, frozenset(), now + TICKET_S, once, session)
        return mint(context, self._key, now=now)
