"""Messages that are well formed and of another time.

Public: `TimeFault`, `KINDS`.
"""

from bff.sandbox.clock import SandboxClock
from bff.sandbox.fault import Fault
from bff.sandbox.tables.catalogue import CURRENCY_FACTORS
from bff.sandbox.tables.messages import Messages
from bff.sandbox.tables.world import World

KINDS = ("replay", "frozen", "skewed")
DAY_S = 86_400.0
SKEW_S = 300.0


class TimeFault:
    """`replay` plays yesterday again, `frozen` repeats the moment at which the fault began, `skewed` runs ahead.

    Each fault that is set begins anew.
    """

    def __init__(self, seed: str, messages: Messages, world: World, clock: SandboxClock) -> None:
        self._seed = seed
        self._messages = messages
        self._world = world
        self._clock = clock
        self._fault = Fault()
        self._yesterday = world
        self._frozen: dict[tuple[str, str], bytes] = {}

    def message(self, key: tuple[str, str], fault: Fault) -> bytes:
        """The message about (table, currency) as `fault`, one of `KINDS`, has it."""
        if self._fault is not fault:
            self._begin(fault)
        if fault.kind == "frozen":
            return self._frozen[key]
        if fault.kind == "skewed":
            return self._table_message(self._world, key, self._clock.now(), ahead_s=SKEW_S)
        then = self._clock.now() - DAY_S
        self._yesterday.tables[key[0]].advance(then)
        return self._table_message(self._yesterday, key, then)

    def _begin(self, fault: Fault) -> None:
        self._fault, now = fault, self._clock.now()
        if fault.kind == "replay":
            self._yesterday = World(f"{self._seed}:yesterday", now - DAY_S)
        if fault.kind == "frozen":
            keys = [(table_id, currency) for table_id in self._world.tables for currency in CURRENCY_FACTORS]
            self._frozen = {key: self._table_message(self._world, key, now) for key in keys}

    def _table_message(self, world: World, key: tuple[str, str], now: float, *, ahead_s: float = 0.0) -> bytes:
        return self._messages.table(world.tables[key[0]], key[1], now, held=self._clock.held, ahead_s=ahead_s)
