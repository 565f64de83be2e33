"""A copied release held to all rules: its files, what it answered, and how pages show it while its origin fails.

Public: `assess`, `Assessed`, `Rehearsal`, `release_of`, `errors_before`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from msgspec import structs

from bff.contracts import headers
from bff.resilience.message import CallFailed, Headers, Response
from bff.resilience.outcome import State
from shell.composition.include import Include
from shell.composition.release import Release, Trust
from shell.registry.fault_transport import Fault, FaultContext
from shell.registry.fetch import Copy
from shell.registry.gate import answers, manifest_findings
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.recording import RecordingTransport
from shell.registry.gate.rules import Rule, Stage, stage_of
from shell.registry.sample_requests import SampleRequest
from shell.registry.survival import Survival, survive

_WELL = (State.FRESH, State.DEGRADED)


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What pages show of one slot, row by row, while its origin fails."""

    where: str
    rows: tuple[Survival, ...]


@dataclass(frozen=True, slots=True)
class Assessed:
    """All that was found; what it keeps the release from is for `errors_before` to say."""

    findings: tuple[Finding, ...]
    rehearsals: tuple[Rehearsal, ...]


def release_of(copy: Copy, trust: Trust) -> Release:
    """What is live once the copy is published."""
    return Release(
        copy.manifest.name,
        copy.digest(),
        copy.manifest,
        copy.manifest_url,
        copy.fallback,
        css=copy.css,
        js=copy.js,
        uses=copy.uses,
        files={key: asset.digest for key, asset in copy.files.items()},
        folder=copy.folder,
        lifted=copy.lifted,
        versioned=copy.versioned,
        trust=trust,
        shown=copy.shown,
    )


async def assess(copy: Copy, transport: RecordingTransport) -> Assessed:
    """All findings about `copy`, which was fetched through `transport`; it makes no further request."""
    release = release_of(copy, copy.trust)
    places = tuple(dict.fromkeys(name for sample, _ in copy.answers for name in sample.places))
    findings = list(manifest_findings.about(release, copy, transport, places))
    rehearsals = []
    for sample, answer in copy.answers:
        include = Include(sample.include.slot, sample.include.visit, release)
        [shown] = await survive(include, _stand_in(copy), [_as_answered(answer)])
        included = structs.replace(shown.included, ms=_took_ms(transport, sample))
        response = answer if isinstance(answer, Response) else None
        findings += answers.about(sample.where, include, included, response)
        well = response is not None and included.state in _WELL
        rows = await survive(include, response if response is not None and well else _stand_in(copy))
        findings += answers.about_survival(sample.where, include, included, rows)
        rehearsals.append(Rehearsal(sample.where, rows))
    return Assessed(tuple(dict.fromkeys(map(_as_counted, findings))), tuple(rehearsals))


def errors_before(findings: Iterable[Finding], stage: Stage, waived: Collection[Rule]) -> list[Finding]:
    """What keeps a release from `stage`, by rules that no operator made a warning."""
    return [
        each
        for each in findings
        if each.level is Level.ERROR and each.rule not in waived and stage_of(each.rule) <= stage < Stage.NOTHING
    ]


def _as_counted(finding: Finding) -> Finding:
    """At its team's desk an error may be what says nothing of the release: that its content is down just then."""
    if finding.level is Level.ERROR and stage_of(finding.rule) is Stage.NOTHING:
        return replace(finding, level=Level.WARNING)
    return finding


def _as_answered(answer: Response | CallFailed) -> Fault:
    def meet(meeting: FaultContext) -> Response:
        if isinstance(answer, CallFailed):
            raise answer
        if len(answer.body) > meeting.policy.wire_bytes_max:
            return meeting.too_large()
        return answer

    return Fault("none", "what it answered", meet)


def _stand_in(copy: Copy) -> Response:
    """In place of an answer that there was none of, so that the faults can be gone through all the same."""
    fields = [("content-type", "text/html; charset=utf-8"), (headers.VERSION, copy.manifest.version)]
    return Response(200, Headers(fields), copy.fallback or b"<p>.</p>")


def _took_ms(transport: RecordingTransport, sample: SampleRequest) -> int:
    return next((each.ms for each in transport.exchanges if each.request is sample.request), 0)
