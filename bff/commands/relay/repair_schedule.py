"""How often a player whose records differ is restated.

Public: `RepairSchedule`.
"""

from collections import OrderedDict

from bff.commands.engine.policy import RELAY


class RepairSchedule:
    """When a player whose records differ may be restated: at once, then at growing intervals. Seconds are passed in.
    The player who has not differed for the longest time is forgotten first.
    """

    def __init__(self) -> None:
        self._waits: OrderedDict[str, tuple[float, float]] = OrderedDict()  # player -> (wait, not before)

    def __repr__(self) -> str:
        return f"<RepairSchedule {len(self._waits)}>"

    def is_due(self, player: str, now: float) -> bool:
        """Whether it is time to restate the player; if so, the next time is later."""
        wait_s, not_before = self._waits.get(player, (0.0, now))
        if now < not_before:
            return False
        # The last repair was long ago, so this counts as another fault.
        wait_s = min(RELAY.repair_s_max, 2 * wait_s) if wait_s and now < not_before + wait_s else RELAY.repair_s_initial
        self._waits[player] = wait_s, now + wait_s
        self._waits.move_to_end(player)
        while len(self._waits) > RELAY.repairs_tracked_max:
            self._waits.popitem(last=False)
        return True
