"""Opens the breakers of the fragments that an operator holds, in this process.

Public: `HoldEnforcer`.
"""

from collections.abc import Mapping

from bff.resilience import log
from shell.composition.release import Release, Snapshot
from shell.composition.upstreams import Upstreams
from shell.registry.holds import FragmentHold

logger = log.get("operations")


class HoldEnforcer:
    """Brings holds to the guards of what is live: to pages, forms and APIs, and to each release that is published."""

    def __init__(self, upstreams: Upstreams) -> None:
        self._upstreams = upstreams
        self._held: dict[str, FragmentHold] = {}

    def follow(self, snapshot: Snapshot, holds: Mapping[str, FragmentHold]) -> None:
        """From now on `holds` are held, and nothing else is."""
        for fragment in self._held.keys() | holds.keys():
            held = holds.get(fragment)
            for release in snapshot.in_use():
                if release.fragment == fragment:
                    self._apply(release, held)
            if held != self._held.get(fragment):
                logger.warning("fragment_held" if held else "fragment_resumed", fragment=fragment, detail=held or "")
        self._held = dict(holds)

    def _apply(self, release: Release, held: FragmentHold | None) -> None:
        for guard in self._upstreams.guards_of(release):
            if held is None:
                guard.unforce()
            else:
                guard.force_open(held.reason)
