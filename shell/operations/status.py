"""The rows of the status board, from the memory of this process.

Public: `FragmentStatus`, `fragments`, `trial_of`.
"""

from dataclasses import dataclass
from datetime import datetime

from shell.composition.function_calls import FunctionRecord
from shell.composition.release import SHARE_MAX, Snapshot
from shell.registry.contact import NOBODY, Contact, contact_of
from shell.registry.holds import FragmentHold
from shell.wiring import Parts


@dataclass(frozen=True, slots=True)
class FragmentStatus:
    """One row. `state` is empty where the fragment had no include in the last minute; `held` is the reason of an
    operator's hold. `trial` is the release on trial and its share of visitors, or why the last trial was rolled back.
    `version_seen` is the version that answered last, where it differs from the release's. `upstream` is what failed:
    the fragment, or the upstream that it reports as failed. `function` has the warm and cold calls of a fragment that
    is a function, `warmed` when and why it was last warmed up, and when it will be.
    """

    fragment: str
    version: str
    release: str
    origin: str
    state: str
    reason: str
    upstream: str
    detail: str
    at: datetime | None
    ms: int
    counts: dict[str, int]
    breaker: str
    held: FragmentHold | None
    trust: str = ""
    version_seen: str = ""
    follow: bool = False
    trial: str = ""
    function: str = ""
    warmed: str = ""
    contact: Contact = NOBODY


def fragments(parts: Parts) -> list[FragmentStatus]:
    """Every fragment that a page names or the registry holds, by name."""
    releases = parts.registry.current.releases
    records = parts.recent_outcomes.records()
    guards = parts.upstreams.guards()
    named = {slot.fragment for page in parts.pages.pages for slot in page.slots} | set(releases)
    rows = []
    for name in sorted(named):
        release, record = releases.get(name), records.get(name)
        rows.append(
            FragmentStatus(
                fragment=name,
                version=release.manifest.version if release else "",
                release=release.digest[:12] if release else "",
                origin=release.manifest_url if release else "",
                state=str(record.last.state) if record else "",
                reason=str(record.last.reason or "") if record else "",
                upstream=record.last.upstream if record else "",
                detail=record.last.detail if record else "",
                at=record.at if record else None,
                ms=record.last.ms if record else 0,
                counts=record.counts if record else {},
                breaker=str(guards[name].breaker.position) if name in guards else "",
                held=parts.registry.holds.get(name),
                trust=str(release.trust) if release else "",
                version_seen=record.last.version_seen if record else "",
                follow=release.follow if release else False,
                trial=trial_of(parts.registry.current, name),
                function=_function(parts.composer.includer.functions.record(name)),
                warmed=_warmed(parts, name),
                contact=contact_of(release.manifest.mullion) if release else NOBODY,
            )
        )
    return rows


def _function(record: FunctionRecord | None) -> str:
    """How long pages wait, and how often it was warm, cold or failing since this process began."""
    if record is None:
        return ""
    last = f", the last after {record.cold_ms} ms" if record.cold else ""
    failed = f", {record.failed} failed" if record.failed else ""
    return f"pages wait {record.wait_ms:.0f} ms; {record.warm} warm, {record.cold} cold{last}{failed}"


def _warmed(parts: Parts, fragment: str) -> str:
    record = parts.prewarmer.records.get(fragment)
    coming = next((each for each in parts.registry.current.warm_ups if each.fragment == fragment), None)
    lines = []
    if record is not None:
        lines.append(f"{record.answered} of {record.environments} warmed at {record.at:%H:%M:%S}: {record.why}")
    if coming is not None:
        lines.append(
            f"{coming.environments} from {coming.begins_at:%Y-%m-%d %H:%M} UTC, for {coming.why or 'the calendar'} "
            f"at {coming.at:%H:%M}"
        )
    return "; ".join(lines)


def trial_of(snapshot: Snapshot, fragment: str) -> str:
    """The release on trial and why it is paused, or why the last trial of the last day ended."""
    canary = snapshot.canaries.get(fragment)
    if canary is None:
        return snapshot.rolled_back.get(fragment, "")
    on_trial = f"{canary.release.manifest.version} on trial for {canary.share / SHARE_MAX * 100:g} % of visitors"
    return f"{on_trial}: {canary.held_back}" if canary.held_back else on_trial
