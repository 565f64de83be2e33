"""Findings about one slot's answer: what a page shows of it, its headers, how near it is to its limits.

Public: `about`, `about_survival`.
"""

from collections.abc import Iterator, Sequence

from bff.contracts import headers
from bff.resilience.cache_control import lifetime
from bff.resilience.message import Response
from bff.resilience.outcome import State
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.registry.gate.accessibility import accessibility_findings
from shell.registry.gate.containment import notes_of
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.remedies import remedy_for_reason
from shell.registry.gate.rules import Rule
from shell.registry.survival import Survival

NEAR_RATIO = 0.8


def about(where: str, include: Include, included: Included, response: Response | None) -> Iterator[Finding]:
    """From what decides whether it is shown at all to what merely could be better."""
    source = include.pathname or include.published.manifest.content
    if included.state in (State.FALLBACK, State.PLACEHOLDER):
        yield _not_shown(where, source, included)
    elif included.reason is not None:
        message = f"it calls itself degraded ({included.reason}), so this is not how it looks when all is well"
        remedy = f"Start what it calls ({included.upstream}), or take it as it is: this is what pages show then."
        yield Finding(Rule.CONTENT_DEGRADED, Level.WARNING, where, message, remedy, source)
    if included.version_seen:
        yield Finding(
            Rule.VERSION,
            Level.WARNING,
            where,
            f"{headers.VERSION} is {included.version_seen!r}, and the manifest says {included.version!r}",
            "Say the same version in both; each deploy that changes one changes the other.",
            source,
        )
    if response is not None:
        yield from notes_of(where, response, source, include.published, include.prefix, include.places)
        if response.status == 200 and rule_of_shown(included) is None:
            yield from accessibility_findings(where, response.body, source)
        yield from _headers(where, source, response)
        if included.state is State.FRESH:
            yield from _caching(where, source, include, response)
        yield from _budgets(where, source, include, included, response)


def about_survival(
    where: str, include: Include, included: Included, survivals: Sequence[Survival]
) -> Iterator[Finding]:
    """What a page has nothing of the release's own for, and what does not heal."""
    if unhealed := [row.fault.name for row in survivals if not row.heals]:
        yield Finding(
            Rule.SURVIVAL,
            Level.ERROR,
            where,
            f"the slot does not heal after: {', '.join(unhealed)}",
            "That is the shell's to do: tell those who look after it.",
        )
    elif include.published.fallback and (bare := [row.fault.name for row in survivals if not row.survived]):
        yield Finding(
            Rule.SURVIVAL,
            Level.ERROR,
            where,
            f"while its origin fails, pages show the shell's neutral card in its place: {', '.join(bare)}",
            "Serve a fallback that a page can show.",
        )
    declared = include.published.manifest.mullion.stale_s_max
    # What visitors are told may well be nothing to keep where it is players whom the fragment is for.
    shared = include.audience == "shared" and included.state is State.FRESH
    if declared and shared and any(row.fault.after_good and row.state is not State.STALE for row in survivals):
        yield Finding(
            Rule.STALE_COPY,
            Level.WARNING,
            where,
            f"mullion.stale_s_max is {declared}, and yet no copy of this answer ever stands in",
            "Leave no-store, no-cache and must-revalidate out of cache-control, or stale_s_max out of the manifest.",
        )


def rule_of_shown(included: Included) -> Rule | None:
    """The rule by which pages show none of an answer; None where they show it."""
    if included.state not in (State.FALLBACK, State.PLACEHOLDER):
        return None
    reason = included.reason or Reason.INTERNAL
    return Rule.CONTENT_REFUSED if PROPERTIES[reason].lasting else Rule.CONTENT_AWAY


def _not_shown(where: str, source: str, included: Included) -> Finding:
    reason = included.reason or Reason.INTERNAL
    # A visitor who is asked to sign in sees what was meant; everything else is a slot that never shows.
    level = Level.WARNING if reason is Reason.UNAUTHORISED else Level.ERROR
    shown = "its fallback" if included.state is State.FALLBACK else "the shell's card"
    message = f"pages show {shown} ({reason}): {included.detail or 'no answer'}"
    rule = rule_of_shown(included) or Rule.CONTENT_AWAY
    return Finding(rule, level, where, message, remedy_for_reason(reason), source)


def _headers(where: str, source: str, response: Response) -> Iterator[Finding]:
    if response.headers.get("set-cookie"):
        message = "set-cookie is dropped: no cookie reaches a browser"
        yield Finding(Rule.COOKIE, Level.WARNING, where, message, "Keep state by player, from the bearer.", source)
    if response.status == 200 and not response.headers.get(headers.VERSION):
        yield Finding(
            Rule.VERSION,
            Level.NOTE,
            where,
            f"it does not say {headers.VERSION}, so nobody sees when another version answers",
            f"Send {headers.VERSION}: the manifest's version, with every answer.",
            source,
        )


def _caching(where: str, source: str, include: Include, response: Response) -> Iterator[Finding]:
    """What its authors may think that cache-control does."""

    def warning(message: str, remedy: str) -> Finding:
        return Finding(Rule.CACHING, Level.WARNING, where, message, remedy, source)

    shared, found = include.audience == "shared", response.headers.get("cache-control") or ""
    if shared and not lifetime(response.headers, stale_s_max=0, shared=True).fresh_s:
        yield warning(
            f"it is shared, and cache-control ({found or 'none'}) lets no body be reused: every page asks anew",
            "Say cache-control: public, max-age=2 (or longer).",
        )
    if not shared and "public" in found:
        yield warning(
            "cache-control says public, and the manifest that it is a player's: no body is ever reused",
            'Say mullion.audience: "shared" if it is the same for everybody, or cache-control: private.',
        )


def _budgets(where: str, source: str, include: Include, included: Included, response: Response) -> Iterator[Finding]:
    declared = include.published.manifest.mullion
    if included.state is State.FRESH and included.ms > NEAR_RATIO * declared.deadline_ms:
        message = f"the answer took {included.ms} ms of the {declared.deadline_ms} ms that pages wait"
        yield Finding(Rule.TIME_BUDGET, Level.WARNING, where, message, remedy_for_reason(Reason.TIMEOUT), source)
    size = len(response.body)
    if size > NEAR_RATIO * declared.body_bytes_max:
        message = f"the answer has {size} of the {declared.body_bytes_max} bytes that are read"
        yield Finding(Rule.BODY_BUDGET, Level.WARNING, where, message, remedy_for_reason(Reason.OVERSIZE), source)
