"""One check: the findings of publishing a release, what pages show of it, and what they show while its origin fails.

Public: `check`, `CheckRequest`.
"""

import contextlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from django.conf import settings

from bff.contracts.manifest import Manifest, ManifestRefused, parse
from bff.contracts.podium_url import resolve
from bff.resilience.deadline import Deadline
from bff.resilience.message import CallFailed, Request, Response
from bff.resilience.outcome import State
from bff.resilience.policy import Policy
from bff.resilience.transport import Transport
from shell.composition.includer import Includer
from shell.composition.page import PAGE_DEADLINE_MS, PageTable, Visit
from shell.composition.release import Release, Trust
from shell.composition.requests import content_request
from shell.composition.upstreams import Upstreams
from shell.operations.fragment_check.checked_slots import CheckedSlot, include_of, slots_to_check
from shell.operations.fragment_check.copied_files import files_of
from shell.operations.fragment_check.report import Report, SlotReport
from shell.registry.fetch import WAKE_MS, Copy, Fetcher, fetch_policy
from shell.registry.gate import answers, manifest_findings
from shell.registry.gate.assess import release_of
from shell.registry.gate.recording import RecordingTransport
from shell.registry.origins import Origins
from shell.registry.release_folder import PublishRefused
from shell.registry.sample_requests import places_of
from shell.registry.survival import survive


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What is to be checked: `slots` are pathnames; without any, those of `pages`."""

    manifest_url: str
    trust: Trust
    slots: Sequence[str] = ()
    pages: PageTable = field(default_factory=lambda: PageTable(()))


async def check(request: CheckRequest) -> Report:
    """All findings about the release that need no browser. Never raises for what the origin does."""
    report = Report(request.manifest_url, trust=request.trust)
    transport = RecordingTransport(Transport(fetch_policy()))
    try:
        copy = await _copy(request, transport, report)
        manifest = copy.manifest if copy else _readable(transport.response(request.manifest_url))
        if manifest is None:
            return report
        report.checked, report.fragment, report.version = True, manifest.name, manifest.version
        release = release_of(copy, request.trust) if copy else _release(request, manifest, transport)
        report.findings += manifest_findings.about(release, copy, transport, places_of(manifest.name, request.pages))
        report.files = files_of(copy) if copy else []
        for look in slots_to_check(manifest.name, request.pages, request.slots):
            report.slots.append(await _look(look, release, report))
    finally:
        await transport.aclose()
    return report


async def _copy(request: CheckRequest, transport: RecordingTransport, report: Report) -> Copy | None:
    """The release as publishing would copy it; None where it would be refused, which is a finding."""
    origins = Origins([request.manifest_url, *settings.FRAGMENT_ORIGINS], loopback=True)

    async def trust_of(name: str) -> Trust:
        return request.trust

    try:
        return await Fetcher(transport, origins, trust_of).copy(request.manifest_url)
    except PublishRefused as refused:
        report.findings.append(manifest_findings.refusal(str(refused), transport.response(request.manifest_url)))
        return None


def _readable(response: Response | None) -> Manifest | None:
    try:
        return parse(response.body) if response is not None and response.status == 200 else None
    except ManifestRefused:
        return None


def _release(request: CheckRequest, manifest: Manifest, transport: RecordingTransport) -> Release:
    """Where publishing refuses something, the rest is looked at all the same."""
    url = resolve(request.manifest_url, manifest.fallback)
    response = transport.response(url) if manifest.fallback else None
    fallback = response.body if response is not None and response.status == 200 else b""
    return Release(
        manifest.name, "", manifest, request.manifest_url, fallback, (), (), versioned=False, trust=request.trust
    )


async def _look(look: CheckedSlot, release: Release, report: Report) -> SlotReport:
    """One slot by the way that pages take, then through the faults with what it answered."""
    include = include_of(look, release)
    recordings: list[RecordingTransport] = []

    def connect(policy: Policy) -> RecordingTransport:
        recordings.append(RecordingTransport(Transport(policy)))
        return recordings[-1]

    upstreams = Upstreams(connect=connect)
    includer = Includer(upstreams, _nobodys_bearer)
    upstreams.of(release)
    try:
        await _warm(recordings[0], content_request(include, _nobodys_bearer))
        deadline = Deadline.after_ms(time.monotonic(), PAGE_DEADLINE_MS)
        included = await includer.include(include, deadline)
    finally:
        await includer.aclose()
        await upstreams.aclose()
    exchange = recordings[0].exchanges[-1]
    response = exchange.response
    report.findings += answers.about(look.where, include, included, response)
    survivals = await survive(include, response) if response and included.state in _WELL else ()
    size = len(response.body) if response else 0
    report.findings += answers.about_survival(look.where, include, included, survivals)
    return SlotReport(look.where, exchange.request.url, include, included, size, survivals)


async def _warm(transport: RecordingTransport, request: Request) -> None:
    """One request before the measured one: in production the shell has open connections and the origin is warm."""
    with contextlib.suppress(CallFailed):
        await transport.send(request, Deadline.after_ms(time.monotonic(), WAKE_MS))


_WELL = (State.FRESH, State.DEGRADED)


def _nobodys_bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    raise AssertionError("nobody is signed in, so nobody needs a bearer")
