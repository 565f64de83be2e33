"""How often a player whose records differ is told again.

Public: `Mends`.
"""

from collections import OrderedDict

from bff.commands.engine.policy import RELAY


class Mends:
    """When a player may be told again for being found to differ: at once, and then ever more rarely. Seconds are passed
    in. Whoever has not differed for the longest time is forgotten."""

    def __init__(self) -> None:
        self._waits: OrderedDict[str, tuple[float, float]] = OrderedDict()  # player -> (wait, not before)

    def __repr__(self) -> str:
        return f"<Mends {len(self._waits)}>"

    def is_due(self, player: str, now: float) -> bool:
        """Whether it is time to tell the player again; if so, the next time is later."""
        wait_s, not_before = self._waits.get(player, (0.0, now))
        if now < not_before:
            return False
        # Long unheard of, so it is another fault.
        wait_s = min(RELAY.mend_s_max, 2 * wait_s) if wait_s and now < not_before + wait_s else RELAY.mend_s_initial
        self._waits[player] = wait_s, now + wait_s
        self._waits.move_to_end(player)
        while len(self._waits) > RELAY.repairs_tracked_max:
            self._waits.popitem(last=False)
        return True
