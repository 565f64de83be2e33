"""One guard for each upstream that the live releases name.

Public: `Upstreams`, `ACTION_MS`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from bff.resilience.evidence import Evidence, ProbeLease
from bff.resilience.guard import Guard
from bff.resilience.policy import Policy
from shell.composition.include import Include
from shell.composition.page import PAGE_DEADLINE_MS
from shell.composition.probe_targets import ProbeTargets
from shell.composition.release import Release, Snapshot

# A command may wait for a payment provider; a page never does.
ACTION_MS = 5000


class Upstreams:
    """Guards by release: each brings its own deadline and origin, so it starts with its own record.

    `probe_targets` makes what the probe of a release asks for while its upstream is failing. `evidence` and `lease`
    join this process to the shell's others.
    """

    def __init__(
        self,
        probe_targets: Callable[[Release], ProbeTargets] | None = None,
        policy: Policy | None = None,
        evidence: Evidence | None = None,
        lease: ProbeLease | None = None,
        page_deadline_ms: int = PAGE_DEADLINE_MS,
    ) -> None:
        self._make_targets = probe_targets
        self._policy = policy or Policy()
        self._evidence = evidence
        self._lease = lease
        self._page_deadline_ms = page_deadline_ms
        self._guards: dict[tuple[str, str, bool], Guard] = {}
        self._closing_guards: set[asyncio.Task[None]] = set()

    def of(self, release: Release) -> Guard:
        """The guard of a release's content."""
        key = (release.fragment, release.digest, False)
        guard = self._guards.get(key)
        if guard is None:
            extension = release.manifest.mullion
            # No page waits longer than its own deadline: a time-out after all of that is as bad as one can be.
            deadline_ms = min(extension.deadline_ms, self._page_deadline_ms)
            policy = replace(self._policy, deadline_ms=deadline_ms, wire_bytes_max=extension.body_bytes_max)
            guard = self._guards[key] = Guard(
                release.fragment,
                policy,
                probe=self._make_targets(release) if self._make_targets else None,
                evidence=self._evidence,
                lease=self._lease,
            )
        return guard

    def mark_healthy(self, include: Include) -> None:
        """This include was answered well, and so is worth a probe when others are not."""
        probe = self.of(include.published).own().probe
        if isinstance(probe, ProbeTargets):
            probe.mark_healthy(include)

    def actions_of(self, release: Release) -> Guard:
        """The guard of a release's actions: they may take longer, and browsing can not open their breaker."""
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

    def retain(self, snapshot: Snapshot) -> None:
        """Close the guards of releases that are not live in `snapshot`; calls under way end by their own deadline."""
        live = {(release.fragment, release.digest) for release in snapshot.releases.values()}
        for key in [key for key in self._guards if key[:2] not in live]:
            task = asyncio.create_task(self._guards.pop(key).aclose())
            self._closing_guards.add(task)
            task.add_done_callback(self._closing_guards.discard)

    async def aclose(self) -> None:
        """Wait for what is under way, then close every connection."""
        guards, self._guards = list(self._guards.values()), {}
        await asyncio.gather(*(guard.aclose() for guard in guards), *self._closing_guards)
