"""Takes bets on red and black, settles them when the wheel has stopped, gives back what can not stand.

Public: `Betting`, `BettingPolicy`, `Unavailable`.
A ticket is written down before the wallet hears of it and after every step, so whatever breaks, somebody goes on with
it: an answer that got lost is asked for again under the same names, and a stake that nobody can vouch for is rolled
back. A restart has lost its rounds, so it gives back what was staked on them.
"""

import asyncio
import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from bff.contracts.bets import Bet, BetRefusal, PlaceBet
from bff.contracts.seamless import Status, WalletAnswer
from bff.resilience import log
from bff.resilience.backoff import Backoff, BackoffPolicy
from bff.resilience.outcome import Failure
from bff.resilience.policies import house_policy
from bff.sandbox.clock import SandboxClock
from bff.sandbox.tables.book import BetBook, KeyReused, Ticket, digest_of
from bff.sandbox.tables.catalogue import CURRENCY_FACTORS, limits_minor
from bff.sandbox.tables.wallet import SeamlessWallet
from bff.sandbox.tables.world import LiveTable, World

logger = log.get("sandbox-tables")

_SESSION_OVER = frozenset({Status.INVALID_TOKEN, Status.TOKEN_EXPIRED, Status.INVALID_GAME})
_REFUSALS = {
    Status.NOT_ENOUGH_MONEY: BetRefusal.NOT_ENOUGH_MONEY,
    Status.LIMIT_EXCEEDED: BetRefusal.WALLET_LIMIT,
    Status.USER_DISABLED: BetRefusal.PLAYER_EXCLUDED,
    Status.WRONG_CURRENCY: BetRefusal.WRONG_CURRENCY,
    **dict.fromkeys(_SESSION_OVER, BetRefusal.SESSION_ENDED),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BettingPolicy:
    """Units stand last in each name."""

    same_window_s: float = 5.0  # rounds are at least 18 s apart, and a message takes less than this
    place_s: float = 4.0  # how long the wallet is asked to take a stake, before it is asked to give it back
    answer_s: float = 1.5  # how long the player's request waits for that
    retry_s_initial: float = 0.3
    retry_s_max: float = 8.0
    round_lost_s: float = 60.0  # a round without a result this long after its window will never have one
    token_cached_s: float = 60.0
    tokens_cached_max: int = 10_000
    shown_max: int = 8

    @property
    def backoff(self) -> BackoffPolicy:
        """Waits before the wallet is called again: a quarter is jitter."""
        return BackoffPolicy(initial_s=self.retry_s_initial, max_s=self.retry_s_max, jitter=0.25)


BETTING = house_policy("sandbox-betting", BettingPolicy())


@dataclass(frozen=True, slots=True)
class Player:
    """The player of a game token, as the wallet answers."""

    player: str
    currency: str


class Unavailable(Exception):
    """The wallet can not resolve a token: nothing was done."""


class Betting:
    """One provider's bets. `settle` is to be called after every step of the world."""

    def __init__(
        self,
        world: World,
        clock: SandboxClock,
        wallet: SeamlessWallet,
        book: BetBook,
        policy: BettingPolicy = BETTING,
    ) -> None:
        self._world = world
        self._clock = clock
        self._wallet = wallet
        self._book = book
        self._policy = policy
        self._players: OrderedDict[tuple[str, str], tuple[float, Player]] = OrderedDict()
        # Who comes while a token is being asked about waits for that answer.
        self._checks: dict[tuple[str, str], asyncio.Future[WalletAnswer | Failure]] = {}
        self._working: dict[str, asyncio.Task[None]] = {}

    async def place(self, token: str, key: str, wanted: PlaceBet) -> Bet | BetRefusal:
        """The bet as it stands after a moment, or why there is none. Raises `Unavailable`."""
        player = await self._player(token, wanted.game)
        if isinstance(player, BetRefusal):
            return player
        body = msgspec.json.encode(wanted)
        try:
            ticket = self._book.find(player.player, key, body)
        except KeyReused:
            return BetRefusal.KEY_REUSED
        if ticket is None:
            table = self._world.tables.get(wanted.game)
            if table is None or table.spec.kind != "roulette":
                return BetRefusal.NOT_OFFERED
            if (refusal := self._refusal(table, player, wanted)) is not None:
                return refusal
            ticket = self._write(table, player, token, key, wanted, digest_of(body))
            self._start(ticket, self._take(ticket))
        if (task := self._working.get(ticket.bet.bet_id)) is not None:
            await asyncio.wait({task}, timeout=self._policy.answer_s)
        bet = self._book[ticket.bet.bet_id].bet
        return (bet.reason or BetRefusal.REFUSED) if bet.state == "refused" else bet

    async def latest(self, token: str, game: str) -> list[Bet] | BetRefusal:
        """A player's last bets at one table, newest first. Raises `Unavailable`."""
        player = await self._player(token, game)
        if isinstance(player, BetRefusal):
            return player
        bets = self._book.latest(player.player, game, self._policy.shown_max)
        return [bet for bet in bets if bet.state != "refused"]

    def resume(self) -> None:
        """Go on with what an earlier process left."""
        for ticket in self._book.unsettled():
            if ticket.bet.state in ("won", "lost"):
                self._start(ticket, self._pay(ticket))
            else:
                self._return(ticket)

    def settle(self) -> None:
        """Decide every bet whose round has ended."""
        now = self._clock.now()
        for ticket in self._book.unsettled():
            bet = ticket.bet
            if bet.state != "accepted" or bet.bet_id in self._working:
                continue
            results = self._world.tables[bet.game].results
            result = next((each for each in results if each.round_id == bet.round_id), None)
            if result is not None:
                won = result.color == bet.side
                ticket = self._changed(
                    ticket,
                    state="won" if won else "lost",
                    won_minor=2 * bet.amount_minor if won else 0,
                    result=result.value,
                    color=result.color,
                )
                self._start(ticket, self._pay(ticket))
            elif now > ticket.closes_s + self._policy.round_lost_s:
                self._return(ticket)

    async def stop(self) -> None:
        """End what is under way; the journal knows where to go on."""
        for task in self._working.values():
            task.cancel()
        await asyncio.gather(*self._working.values(), return_exceptions=True)
        await self._wallet.aclose()
        self._book.close()

    async def _player(self, token: str, game: str) -> Player | BetRefusal:
        """A token is opaque to the provider: the wallet resolves it, once a minute at most."""
        name = (hashlib.sha256(token.encode()).hexdigest(), game)
        until, player = self._players.get(name, (0.0, None))
        if player is not None and until > time.monotonic():
            return player
        check = self._checks.get(name)
        if check is None:
            check = asyncio.ensure_future(self._wallet.balance(token, game, secrets.token_hex(12)))
            self._checks[name] = check
            check.add_done_callback(lambda _: self._checks.pop(name, None))
        answer = await asyncio.shield(check)
        if isinstance(answer, Failure):
            raise Unavailable(answer.detail)
        if answer.status is not Status.OK:
            return _REFUSALS.get(answer.status, BetRefusal.REFUSED)
        player = Player(answer.user, answer.currency)
        self._players[name] = (time.monotonic() + self._policy.token_cached_s, player)
        while len(self._players) > self._policy.tokens_cached_max:
            self._players.popitem(last=False)
        return player

    def _refusal(self, table: LiveTable, player: Player, wanted: PlaceBet) -> BetRefusal | None:
        now = self._clock.now()
        closes_s = table.bets_close_at(now)
        if closes_s is None or self._clock.held:
            return BetRefusal.BETS_CLOSED
        window_s = wanted.closes_at.timestamp() - (time.time() + closes_s - now)
        if abs(window_s) > self._policy.same_window_s:
            return BetRefusal.BETS_CLOSED
        if wanted.currency != player.currency or wanted.currency not in CURRENCY_FACTORS:
            return BetRefusal.WRONG_CURRENCY
        least, most = limits_minor(table.spec, wanted.currency)
        if wanted.amount_minor < least:
            return BetRefusal.UNDER_LIMIT
        staked = self._book.staked_minor(player.player, wanted.game, table.round_id)
        return BetRefusal.OVER_LIMIT if wanted.amount_minor + staked > most else None

    def _write(self, table: LiveTable, player: Player, token: str, key: str, wanted: PlaceBet, digest: str) -> Ticket:
        bet = Bet(
            bet_id=f"bet_{secrets.token_hex(12)}",
            game=wanted.game,
            round_id=table.round_id,
            side=wanted.side,
            amount_minor=wanted.amount_minor,
            currency=wanted.currency,
            state="placing",
            at=datetime.now(UTC),
        )
        ticket = Ticket(bet, player.player, token, key, digest, table.bets_close_at(self._clock.now()) or 0.0)
        self._book.put(ticket)
        return ticket

    async def _take(self, ticket: Ticket) -> None:
        """Have the stake taken, or rolled back when the outcome is unknown."""
        until = time.monotonic() + self._policy.place_s
        backoff = Backoff(self._policy.backoff)
        while isinstance(answer := await self._wallet.bet(ticket), Failure):
            pause_s = backoff.next_s()
            if time.monotonic() + pause_s > until:
                logger.warning("bet_unknown", bet=ticket.bet.bet_id, reason=answer.reason.value)
                await self._give_back(self._changed(ticket, state="returning"))
                return
            await asyncio.sleep(pause_s)
        if answer.status is Status.OK:
            self._changed(ticket, state="accepted")
        elif answer.status is Status.TRANSACTION_ROLLED_BACK:
            self._changed(ticket, state="returned", paid=True)
        else:
            self._changed(ticket, state="refused", reason=_REFUSALS.get(answer.status, BetRefusal.REFUSED))
        logger.info("bet_placed", bet=ticket.bet.bet_id, status=answer.status.value)

    async def _pay(self, ticket: Ticket) -> None:
        answer = await self._until_answered(ticket, pay=True)
        if answer.status is Status.OK:
            self._changed(ticket, paid=True)
        elif answer.status is Status.TRANSACTION_ROLLED_BACK:
            self._changed(ticket, state="returned", won_minor=0, paid=True)
        else:
            logger.error("win_refused", bet=ticket.bet.bet_id, status=answer.status.value)

    async def _give_back(self, ticket: Ticket) -> None:
        answer = await self._until_answered(ticket, pay=False)
        if answer.status is Status.OK:
            self._changed(ticket, state="returned", paid=True)
        else:
            logger.error("rollback_refused", bet=ticket.bet.bet_id, status=answer.status.value)

    async def _until_answered(self, ticket: Ticket, *, pay: bool) -> WalletAnswer:
        """A win or a rollback is owed: it is sent at growing intervals until it is answered."""
        backoff = Backoff(self._policy.backoff)
        send = self._wallet.win if pay else self._wallet.rollback
        while isinstance(answer := await send(ticket), Failure):  # noqa: ASYNC110 (an answer, which sets no event)
            await asyncio.sleep(backoff.next_s())
        return answer

    def _return(self, ticket: Ticket) -> None:
        ticket = self._changed(ticket, state="returning")
        self._start(ticket, self._give_back(ticket))

    def _changed(self, ticket: Ticket, **fields: Any) -> Ticket:
        ticket = msgspec.structs.replace(ticket, bet=msgspec.structs.replace(ticket.bet, **fields))
        self._book.put(ticket)
        return ticket

    def _start(self, ticket: Ticket, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working[ticket.bet.bet_id] = task
        task.add_done_callback(lambda done: self._done(ticket.bet.bet_id, done))

    def _done(self, bet_id: str, task: "asyncio.Task[None]") -> None:
        if self._working.get(bet_id) is task:
            del self._working[bet_id]
        if not task.cancelled() and (error := task.exception()) is not None:
            logger.error("bet_broke", bet=bet_id, exc_info=error)
