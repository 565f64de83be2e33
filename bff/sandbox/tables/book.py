"""The bets that were taken, kept in a journal so that a restart forgets none that is still open.

Public: `Ticket`, `BetBook`, `KeyReused`.
"""

import hashlib
from collections import deque
from pathlib import Path
from typing import BinaryIO

import msgspec

from bff.contracts.bets import Bet

RETAINED_MAX = 50  # finished bets of one player at one table


class Ticket(msgspec.Struct, frozen=True):
    """A bet, and what settles it: whose it is, the token it came with, when its window closes (sandbox time)."""

    bet: Bet
    player: str
    token: str
    key: str
    digest: str
    closes_s: float


class KeyReused(Exception):
    """The idempotency key came before, with another bet."""


class BetBook:
    """Tickets by bet, and by player and key. `path` None keeps them in memory only."""

    def __init__(self, path: Path | None = None) -> None:
        self._by_id: dict[str, Ticket] = {}
        self._by_key: dict[tuple[str, str], str] = {}
        self._latest: dict[tuple[str, str], deque[str]] = {}
        self._unsettled: dict[str, None] = {}
        self._journal: BinaryIO | None = None
        if path is not None:
            self._open(path)

    def __getitem__(self, bet_id: str) -> Ticket:
        return self._by_id[bet_id]

    def find(self, player: str, key: str, body: bytes) -> Ticket | None:
        """The ticket made under `key`, None when there is none; `KeyReused` when it was for another bet."""
        bet_id = self._by_key.get((player, key))
        if bet_id is None:
            return None
        if self._by_id[bet_id].digest != digest_of(body):
            raise KeyReused
        return self._by_id[bet_id]

    def put(self, ticket: Ticket) -> None:
        """Write `ticket` down as it is from here on."""
        if self._journal is not None:
            self._journal.write(msgspec.json.encode(ticket) + b"\n")
        self._apply(ticket)

    def latest(self, player: str, game: str, most: int) -> list[Bet]:
        """A player's last bets at one table, newest first."""
        ids = self._latest.get((player, game), deque())
        return [self._by_id[bet_id].bet for bet_id in list(ids)[-most:][::-1]]

    def unsettled(self) -> list[Ticket]:
        """Those about which something is still to be done, oldest first."""
        return [self._by_id[bet_id] for bet_id in self._unsettled]

    def staked_minor(self, player: str, game: str, round_id: str) -> int:
        """What a player has on one round."""
        bets = [bet for bet in self.latest(player, game, RETAINED_MAX) if bet.round_id == round_id]
        return sum(bet.amount_minor for bet in bets if bet.state in ("placing", "accepted"))

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _apply(self, ticket: Ticket) -> None:
        bet = ticket.bet
        if bet.bet_id not in self._by_id:
            self._by_key[ticket.player, ticket.key] = bet.bet_id
            self._latest.setdefault((ticket.player, bet.game), deque()).append(bet.bet_id)
        self._by_id[bet.bet_id] = ticket
        if bet.is_open or (bet.state == "lost" and not bet.paid):
            self._unsettled[bet.bet_id] = None
        else:
            self._unsettled.pop(bet.bet_id, None)
        self._forget(self._latest[ticket.player, bet.game])

    def _forget(self, ids: deque[str]) -> None:
        while len(ids) > RETAINED_MAX and ids[0] not in self._unsettled:
            gone = self._by_id.pop(ids.popleft())
            del self._by_key[gone.player, gone.key]

    def _open(self, path: Path) -> None:
        """Read what there is, and write it anew: a journal that only grows would be read for ever longer."""
        path.parent.mkdir(parents=True, exist_ok=True)
        for raw in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            if not raw.endswith(b"\n"):
                break  # a kill in mid-write leaves half a line, which nobody was told of
            self._apply(msgspec.json.decode(raw, type=Ticket))
        draft = path.with_suffix(".draft")
        draft.write_bytes(b"".join(msgspec.json.encode(ticket) + b"\n" for ticket in self._by_id.values()))
        draft.replace(path)
        self._journal = path.open("ab", buffering=0)


def digest_of(body: bytes) -> str:
    """What tells one bet from another under the same key."""
    return hashlib.sha256(body).hexdigest()
