"""One guard for each upstream that the live releases name.

Public: `Upstreams`, `ACTION_MS`.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from bff.resilience.addresses import AddressRule
from bff.resilience.checked_transport import CheckedTransport
from bff.resilience.evidence import Evidence, ProbeLease
from bff.resilience.guard import Guard
from bff.resilience.policies import house_policy, policy_for
from bff.resilience.policy import Policy
from bff.resilience.stream_transport import StreamLimits, StreamTransport
from bff.resilience.transport import Sender
from shell.composition.include import Include
from shell.composition.origin_file_policy import OriginFilePolicy
from shell.composition.page import PAGE_DEADLINE_MS
from shell.composition.probe_targets import ProbeTargets
from shell.composition.proxy_policy import ProxyPolicy
from shell.composition.release import Release, Role, Snapshot

# A command may wait for a payment provider; a page never does.
ACTION_MS = 5000
# More failures than a window can hold.
_NEVER = 10**9

# The kinds of guards: each has its own breaker, so that an outage of one kind does not refuse calls of another.
_Kind = Literal["content", "actions", "api", "uploads", "warming", "files", "unsigned-files"]
# Fragment, digest, role, kind.
_Key = tuple[str, str, Role, _Kind]


class Upstreams:
    """Guards by release: each brings its own deadline and origin, so it starts with its own record.

    `probe_targets` makes what the probe of a release asks for while its upstream is failing. `evidence` and `lease`
    join this process to the shell's others. `connect` makes what carries the calls for content, where that is not the
    network itself. `rule` is which addresses may be connected to, on every call; None lets all in.
    """

    def __init__(
        self,
        probe_targets: Callable[[Release], ProbeTargets] | None = None,
        policy: Policy | None = None,
        evidence: Evidence | None = None,
        lease: ProbeLease | None = None,
        page_deadline_ms: int = PAGE_DEADLINE_MS,
        proxy_policy: ProxyPolicy | None = None,
        file_policy: OriginFilePolicy | None = None,
        connect: Callable[[Policy], Sender] | None = None,
        rule: AddressRule | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_targets = probe_targets
        self._policy = policy or Policy()
        self._evidence = evidence
        self._lease = lease
        self._page_deadline_ms = page_deadline_ms
        self.proxy_policy = proxy_policy or house_policy("proxy", ProxyPolicy())
        self.file_policy = file_policy or house_policy("origin-files", OriginFilePolicy())
        self._guards: dict[_Key, Guard] = {}
        self._connect = connect
        self._rule = rule
        self._clock = clock
        self._closing_guards: set[asyncio.Task[None]] = set()

    def of(self, release: Release) -> Guard:
        """The guard of a release's content."""
        key: _Key = (release.fragment, release.digest, release.role, "content")
        guard = self._guards.get(key)
        if guard is None:
            extension = release.manifest.mullion
            # No page waits longer than its own deadline: a time-out after all of that is as bad as one can be.
            deadline_ms = min(extension.deadline_ms, self._page_deadline_ms)
            policy = replace(self._policy, deadline_ms=deadline_ms, wire_bytes_max=extension.body_bytes_max)
            if extension.kind == "function":
                # Its calls outlive their pages; a shell that stops waits for them no longer than a page would.
                policy = replace(
                    policy,
                    cold_ms_max=extension.cold_ms_max,
                    drain_ms_max=deadline_ms,
                    in_flight_max=extension.concurrency_max,
                )
            name, policy_name = _names(release)
            guard = self._guards[key] = Guard(
                name,
                policy,
                self._connect(policy) if self._connect else self._checked(policy_name, policy),
                clock=self._clock,
                probe=self._make_targets(release) if self._make_targets else None,
                evidence=self._evidence,
                lease=self._lease,
                policy_name=policy_name,
            )
        return guard

    def mark_healthy(self, include: Include) -> None:
        """The include was healthy, so a probe may repeat it."""
        probe = self.of(include.published).own().probe
        if isinstance(probe, ProbeTargets):
            probe.mark_healthy(include)

    def actions_of(self, release: Release) -> Guard:
        """The guard of a release's actions: they may take longer, and browsing can not open their breaker."""
        key: _Key = (release.fragment, release.digest, release.role, "actions")
        guard = self._guards.get(key)
        if guard is None:
            policy = replace(
                self._policy, deadline_ms=ACTION_MS, wire_bytes_max=release.manifest.mullion.body_bytes_max
            )
            name, policy_name = _names(release, "actions")
            guard = self._guards[key] = Guard(name, policy, self._checked(policy_name, policy), policy_name=policy_name)
        return guard

    def warming_of(self, release: Release, environments: int) -> Guard:
        """The guard of calls that only warm a function: they take no page's place, and open no page's breaker."""
        key: _Key = (release.fragment, release.digest, release.role, "warming")
        guard = self._guards.get(key)
        if guard is None:
            declared, (name, policy_name) = release.manifest.mullion, _names(release, "warming")
            policy = replace(
                self._policy,
                deadline_ms=declared.cold_ms_max,
                drain_ms_max=declared.deadline_ms,
                wire_bytes_max=declared.body_bytes_max,
                in_flight_max=environments,
                waiting_max=0,
            )
            sender = self._connect(policy) if self._connect else self._checked(policy_name, policy)
            guard = self._guards[key] = Guard(name, policy, sender, clock=self._clock, policy_name=policy_name)
        return guard

    def api_of(self, release: Release, *, upload: bool = False) -> Guard:
        """The guard of a release's own API, whose calls are `StreamRequest`s; uploads may take longer."""
        kind: _Kind = "uploads" if upload else "api"
        key: _Key = (release.fragment, release.digest, release.role, kind)
        guard = self._guards.get(key)
        if guard is None:
            proxy = self.proxy_policy
            name, policy_name = _names(release, kind)
            policy = replace(
                self._policy,
                deadline_ms=proxy.upload_ms if upload else proxy.head_ms,
                connect_ms=proxy.connect_ms,
                wire_bytes_max=proxy.download_bytes_max,
            )
            limits = StreamLimits(head_ms=proxy.head_ms, idle_ms=proxy.idle_ms)
            transport = StreamTransport(policy_for(policy_name, policy), limits, rule=self._rule)
            guard = self._guards[key] = Guard(name, policy, transport, policy_name=policy_name)
        return guard

    def files_of(self, release: Release, *, signed: bool = True) -> Guard:
        """The guard of the pictures and fonts that come from a release's origin through the shell.

        Unsigned addresses, which no body has shown, have another guard, with few permits and without a breaker:
        invented names then affect nobody else's pictures.
        """
        kind: _Kind = "files" if signed else "unsigned-files"
        key: _Key = (release.fragment, release.digest, release.role, kind)
        guard = self._guards.get(key)
        if guard is None:
            own, (name, policy_name) = self.file_policy, _names(release, kind)
            policy = replace(
                self._policy,
                deadline_ms=own.deadline_ms,
                in_flight_max=own.in_flight_max,
                wire_bytes_max=own.file_bytes_max,
                decoded_bytes_max=own.file_bytes_max,
            )
            if not signed:
                policy = replace(
                    policy,
                    in_flight_max=own.unsigned_in_flight_max,
                    waiting_max=own.unsigned_waiting_max,
                    calls_min=_NEVER,
                    consecutive_max=_NEVER,
                    retry_after_ms_max=0,
                )
            sender = self._checked(policy_name, policy)
            guard = self._guards[key] = Guard(name, policy, sender, policy_name=policy_name)
        return guard

    def _checked(self, policy_name: str, policy: Policy) -> Sender | None:
        """What carries calls to addresses that are checked; the guard's own where all are allowed."""
        return (
            None
            if self._rule is None
            else CheckedTransport(policy_for(policy_name, policy), self._rule, clock=self._clock)
        )

    def guards_of(self, release: Release) -> tuple[Guard, ...]:
        """All that stand between the shell and a release."""
        return (
            self.of(release),
            self.actions_of(release),
            self.api_of(release),
            self.api_of(release, upload=True),
            self.files_of(release),
            self.files_of(release, signed=False),
        )

    def guards(self) -> dict[str, Guard]:
        """Guards of the content of the releases that are live, by fragment."""
        return {
            fragment: guard
            for (fragment, _, role, kind), guard in self._guards.items()
            if role is Role.STABLE and kind == "content"
        }

    def retain(self, snapshot: Snapshot) -> None:
        """Close the guards of releases that `snapshot` does not use; calls under way end by their own deadline."""
        used = {(release.fragment, release.digest, release.role) for release in snapshot.in_use()}
        for key in [key for key in self._guards if key[:3] not in used]:
            task = asyncio.create_task(self._guards.pop(key).aclose())
            self._closing_guards.add(task)
            task.add_done_callback(self._closing_guards.discard)

    async def aclose(self) -> None:
        """Wait for what is under way, then close every connection."""
        guards, self._guards = list(self._guards.values()), {}
        await asyncio.gather(*(guard.aclose() for guard in guards), *self._closing_guards)


def _names(release: Release, kind: str = "") -> tuple[str, str]:
    """(the guard's name, the name under which an installation changes its numbers).

    What happens to a trial is no evidence against what is live, here or in other processes; but its numbers are the
    fragment's, or it would be compared with what is live under others.
    """
    suffix = f".{kind}" if kind else ""
    role = "" if release.role is Role.STABLE else f".{release.role}"
    return f"{release.fragment}{role}{suffix}", f"{release.fragment}{suffix}"
