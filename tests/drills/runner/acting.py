"""What a player does during a drill, with plain forms: deposits, bets, loads pages. And how much money the player has.

Public: `Actor`, `Holding`, `CanNotRead`.
"""

import asyncio
import re
import secrets
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from typing import Any

import httpx

from tests.drills import journal
from tests.drills.journal import Activity, MoneySum
from tests.drills.kit.drill import Drill, MoneyExpectation, Step
from tests.drills.runner.listening import listen
from tests.drills.runner.page import View
from tests.drills.runner.steady import now
from tests.drills.runner.target import Target
from tests.drills.runner.visitor import Visitor

PRESSES_S_MAX = 25.0
WINDOW_S_MAX = 45.0
HOLDING_S_MAX = 20.0
# A change of money must last so long: an effect that comes twice comes within this time.
STAYS_S = 3.0
EVERY_S = 0.5
_BALANCE = re.compile(r'data-live-refetch="wallet\.([\w.-]+)#balances\.(\w+)_minor" data-live-value="(-?\d+)"')
_LINES = re.compile(r'>All\s*<span class="count">(\d+)</span>')
_CLOSES = re.compile(r'name="closes_at" value="([^"]+)"')
_CURRENCY = re.compile(r"Amount in ([A-Z]{3})")
# Balances that are the player's: a payment in is counted once it has arrived, one out until it has left.
_OWN = ("real", "bonus", "held")


@dataclass(frozen=True, slots=True)
class Holding:
    """The player's money in minor units, and lines of the history, as the player's own pages show them."""

    player: str
    currency: str
    minor: int
    lines: int


class Actor:
    """Acts as the drill's actor or player, or as a visitor."""

    def __init__(self, drill: Drill, visitor: Visitor, target: Target, addresses: Mapping[str, str]) -> None:
        """`addresses` are those of the hops from browsers, by hop."""
        self._drill, self._visitor, self._target, self._addresses = drill, visitor, target, addresses

    async def act(self, step: Step) -> journal.Step:
        """Carries out the step; returns how it went. It raises nothing: a player sees pages, and so does this."""
        works: dict[str, Callable[[Step], Awaitable[tuple[bool, Any]]]] = {
            "deposit": self._deposit,
            "bet": self._bet,
            "visit": self._visit,
            "request": self._request,
            "listen": self._listen,
        }
        start, began = now(), time.monotonic()
        done, output = await works[step.act or ""](step)
        return journal.Step(
            activity=Activity(
                type="action", name=step.name, provider={"type": "http", "url": self._target.base_url, "method": "POST"}
            ),
            start=start,
            end=now(),
            duration=round(time.monotonic() - began, 4),
            status="succeeded" if done else "failed",
            output=output,
        )

    async def _deposit(self, step: Step) -> tuple[bool, Any]:
        form = {"amount": step.amount, "idempotency_key": secrets.token_hex(16)}
        return await self._pressed("/slots/cashier/cashier/actions/deposit", form)

    async def _bet(self, step: Step) -> tuple[bool, Any]:
        path = f"/tables/{step.table}/"
        deadline = time.monotonic() + WINDOW_S_MAX
        while True:
            slip = (await self._visitor.look(path)).slots.get("slip")
            closes = _CLOSES.search(slip.seen.markup) if slip else None
            if closes:
                break
            if time.monotonic() > deadline:
                return False, f"no bets were taken at table {step.table} for {WINDOW_S_MAX:g} s"
            await asyncio.sleep(EVERY_S)
        form = {
            "idempotency_key": secrets.token_hex(16),
            "closes_at": closes[1],
            "stake": str(step.stake),
            "side": step.side,
        }
        return await self._pressed(f"/slots/table:{step.table}/slip/actions/bet/{step.table}", form)

    async def _pressed(self, path: str, form: dict[str, str]) -> tuple[bool, Any]:
        """Presses as a person does who gets no answer: again, with the same idempotency key, until there is one."""
        presses: list[str] = []
        deadline = time.monotonic() + PRESSES_S_MAX
        while True:
            try:
                answer = await self._visitor.post(path, form)
                presses.append(f"{answer.status_code} {answer.headers.get('location', '')}".strip())
                if answer.status_code < 500:
                    receipt = "receipt=" in answer.headers.get("location", "")
                    return receipt, {"key": form["idempotency_key"], "answers": presses}
            except httpx.HTTPError as error:
                presses.append(type(error).__name__)
            if time.monotonic() > deadline:
                return False, {"key": form["idempotency_key"], "answers": presses}
            await asyncio.sleep(1)

    async def _visit(self, step: Step) -> tuple[bool, Any]:
        """`visitors` visitors at once, each of whom loads the page again as soon as it has come."""
        until = time.monotonic() + step.for_s
        views: list[View] = []

        async def visitor() -> None:
            async with Visitor(self._target.base_url) as one:
                while time.monotonic() < until:
                    views.append(await one.look(self._drill.page))
                    await asyncio.sleep(EVERY_S)

        await asyncio.gather(*(visitor() for _ in range(step.visitors)))
        failed = [view for view in views if view.problem or view.status != 200 or not view.whole]
        slowest = max((view.took_ms for view in views), default=0)
        problem = f", the first: {failed[0].problem or failed[0].status}" if failed else ""
        return not failed, f"{len(views)} pages, {len(failed)} failed{problem}, the slowest in {slowest:.0f} ms"

    async def _request(self, step: Step) -> tuple[bool, Any]:
        """Any answer counts as success: the page has to show what the fault does. Each form is sent with a key of its
        own."""
        until = time.monotonic() + step.for_s
        answers: Counter[str] = Counter()
        async with AsyncExitStack() as stack:
            visitor = self._visitor
            if step.over:
                address = self._addresses.get(step.over)
                if address is None:
                    return False, f"there is no hop {step.over} from browsers here"
                visitor = await stack.enter_async_context(Visitor(address))
            while (left_s := until - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(left_s):
                        answers[await self._answer(visitor, step)] += 1
                        await asyncio.sleep(EVERY_S)
        return True, ", ".join(f"{count} × {answer}" for answer, count in answers.most_common()) or "no answer"

    async def _listen(self, step: Step) -> tuple[bool, Any]:
        """Any result counts as success: the page has to show what the fault does."""
        found = await listen(self._visitor, step.topics, step.for_s)
        return True, ", ".join(f"{count} × {what}" for what, count in found.items()) or "nothing came"

    async def _answer(self, visitor: Visitor, step: Step) -> str:
        if not step.form:
            view = await visitor.look(step.path)
            return view.problem or str(view.status)
        try:
            return str(
                (await visitor.post(step.path, {**step.form, "idempotency_key": secrets.token_hex(16)})).status_code
            )
        except httpx.HTTPError as error:
            return type(error).__name__

    # --- money

    async def holding(self, *, settled: bool) -> Holding:
        """The player's money; with `settled` repeated until two readings are equal. Raises `CanNotRead`."""
        deadline = time.monotonic() + HOLDING_S_MAX
        last: Holding | None = None
        while time.monotonic() < deadline:
            found = await self._holding()
            if found is not None and (found == last or not settled):
                return found
            last = found or last
            await asyncio.sleep(EVERY_S)
        who = self._drill.actor or self._drill.player or "a visitor"
        raise CanNotRead(f"The money of {who} can not be read from the cashier: does the drill name a player?")

    async def settled(self, before: Holding, wanted: MoneyExpectation) -> MoneySum:
        """The change since `before`, as soon as it is as expected and lasts, or the time is over."""
        deadline = time.monotonic() + wanted.within_s
        since: float | None = None
        last = before
        while True:
            found = await self._holding()
            last = found or last
            as_wanted = last.minor - before.minor == wanted.change_minor and last.lines - before.lines == wanted.lines
            since = (since or time.monotonic()) if found and as_wanted else None
            stays = since is not None and time.monotonic() - since >= STAYS_S
            if stays or (since is None and time.monotonic() >= deadline):
                return MoneySum(
                    player=before.player,
                    currency=before.currency,
                    before_minor=before.minor,
                    after_minor=last.minor,
                    expected_change_minor=wanted.change_minor,
                    doubles=max(last.lines - before.lines - wanted.lines, 0),
                )
            await asyncio.sleep(EVERY_S)

    async def _holding(self) -> Holding | None:
        cashier, history = await asyncio.gather(self._visitor.look("/cashier/"), self._visitor.look("/history/"))
        shown, lines = cashier.slots.get("cashier"), history.slots.get("history")
        if shown is None or lines is None or {shown.state, lines.state} != {"fresh"}:
            return None
        balances = _BALANCE.findall(shown.seen.markup)
        count = _LINES.search(lines.seen.markup)
        if not balances or count is None:
            return None
        currency = _CURRENCY.search(shown.seen.markup)
        minor = sum(int(value) for _, kind, value in balances if kind in _OWN)
        return Holding(balances[0][0], currency[1] if currency else "", minor, int(count[1]))


class CanNotRead(Exception):
    """The message says what to do."""
