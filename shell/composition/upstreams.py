"""One guard for each upstream that the live releases name.

Public: `Upstreams`, `ACTION_MS`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from bff.resilience.evidence import Evidence, ProbeLease
from bff.resilience.guard import Guard
from bff.resilience.policy import Policy
from shell.composition.page import PAGE_DEADLINE_MS, Slot, Visit
from shell.composition.probing import Probing
from shell.composition.release import Release, Snapshot

# A command may wait for a payment provider; a page never does.
ACTION_MS = 5000


class Upstreams:
    """Guards by release: each brings its own deadline and origin, so it starts with its own record.

    `probing` makes what asks in the background of a release whose upstream failed. `evidence` and `lease` join this
    process to the shell's others.
    """

    def __init__(
        self,
        probing: Callable[[Release], Probing] | None = None,
        policy: Policy | None = None,
        evidence: Evidence | None = None,
        lease: ProbeLease | None = None,
        page_deadline_ms: int = PAGE_DEADLINE_MS,
    ) -> None:
        self._make_probing = probing
        self._probing: dict[tuple[str, str], Probing] = {}
        self._policy = policy or Policy()
        self._evidence = evidence
        self._lease = lease
        self._page_deadline_ms = page_deadline_ms
        self._guards: dict[tuple[str, str, bool], Guard] = {}
        self._closing: set[asyncio.Task[None]] = set()

    def of(self, release: Release) -> Guard:
        """The guard of a release's content."""
        key = (release.fragment, release.digest, False)
        guard = self._guards.get(key)
        if guard is None:
            extension = release.manifest.mullion
            # No page waits longer than its own deadline: a time-out after all of that is as bad as one can be.
            deadline_ms = min(extension.deadline_ms, self._page_deadline_ms)
            policy = replace(self._policy, deadline_ms=deadline_ms, wire_bytes_max=extension.body_bytes_max)
            probing = self._make_probing(release) if self._make_probing else None
            if probing is not None:
                self._probing[key[:2]] = probing
            guard = self._guards[key] = Guard(
                release.fragment,
                policy,
                probe=probing,
                evidence=self._evidence,
                lease=self._lease,
            )
        return guard

    def healthy(self, release: Release, slot: Slot, visit: Visit) -> None:
        """What `release` shows in `slot` to `visit` is well, and so worth asking for when others are not."""
        probing = self._probing.get((release.fragment, release.digest))
        if probing is not None:
            probing.healthy(slot, visit)

    def actions_of(self, release: Release) -> Guard:
        """The guard of a release's actions: they may take longer, and a flood of browsing can not close their door."""
        key = (release.fragment, release.digest, True)
        guard = self._guards.get(key)
        if guard is None:
            policy = replace(
                self._policy, deadline_ms=ACTION_MS, wire_bytes_max=release.manifest.mullion.body_bytes_max
            )
            guard = self._guards[key] = Guard(f"{release.fragment}.actions", policy)
        return guard

    def guards(self) -> dict[str, Guard]:
        """Guards of the content of the releases in use, by fragment."""
        return {fragment: guard for (fragment, _, actions), guard in self._guards.items() if not actions}

    def forget_except(self, snapshot: Snapshot) -> None:
        """Close what no live release uses any more; calls under way end by their own deadline."""
        live = {(release.fragment, release.digest) for release in snapshot.releases.values()}
        for key in [key for key in self._guards if key[:2] not in live]:
            self._probing.pop(key[:2], None)
            task = asyncio.create_task(self._guards.pop(key).aclose())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def aclose(self) -> None:
        """Wait for what is under way, then close every connection."""
        guards, self._guards = list(self._guards.values()), {}
        await asyncio.gather(*(guard.aclose() for guard in guards), *self._closing)
