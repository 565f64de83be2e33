"""Findings about a manifest, its fallback and its files.

Public: `refusal`, `about`.
"""

import re
from collections.abc import Iterator

from bff.contracts.podium_url import resolve
from bff.resilience.message import Response
from shell.composition.release import Release
from shell.composition.slot_path import SLOTS_PREFIX
from shell.registry.fetch import Copy
from shell.registry.gate.accessibility import accessibility_findings, has_visible_text
from shell.registry.gate.budgets import files_budget
from shell.registry.gate.containment import notes_of
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.lines import line_of_byte, line_of_field
from shell.registry.gate.recording import RecordingTransport
from shell.registry.gate.remedies import remedy_for_refusal, rule_of_refusal
from shell.registry.gate.rules import Rule

MANIFEST = "manifest.json"
_ANY_PREFIX = f"{SLOTS_PREFIX}page/slot"
_AT = re.compile(r" - at `([^`]+)`")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_FIELD = re.compile(r"(?:manifest at \S+: )?([A-Za-z_]+(?:\[\d+\])?(?:\.[A-Za-z0-9_-]+)?)(?=: )")
_WHERE = re.compile(r"^(?:manifest at \S+: |[a-z]+(?:\[\d+\])?(?:\.[A-Za-z0-9_-]+)?: )")
_BYTE = re.compile(r"\(byte (\d+)\)")


def refusal(message: str, manifest: Response | None) -> Finding:
    """What publishing would refuse; its line in the manifest, where there is one to show."""
    field = _field_of(message)
    body = manifest.body if manifest is not None and manifest.status == 200 else b""
    at = _BYTE.search(message)
    line = line_of_byte(body, int(at[1])) if at else line_of_field(body, field)
    return Finding(
        rule_of_refusal(message),
        Level.ERROR,
        field,
        _WHERE.sub("", message),
        remedy_for_refusal(message),
        MANIFEST if body else "",
        line,
    )


def about(
    release: Release, copy: Copy | None, transport: RecordingTransport, places: tuple[str, ...]
) -> Iterator[Finding]:
    """What publishing would take, and say of it; `places` names the slots that stand inside one of its own."""
    fallback = release.manifest.fallback
    if not fallback:
        yield _no_fallback("there is none: while the origin fails, pages show the shell's neutral card")
    elif response := transport.response(resolve(release.manifest_url, fallback)):
        if not has_visible_text(response.body):
            yield _no_fallback("nobody can read it: there is no word in it")
        yield from notes_of("fallback", response, fallback, release, _ANY_PREFIX, places)
        yield from accessibility_findings("fallback", response.body, fallback)
    manifest = transport.response(release.manifest_url)
    for note in copy.notes if copy else ():
        if note.startswith(("content of", "fallback")):
            continue  # looked at slot by slot, with lines
        field = _field_of(note)
        line = line_of_field(manifest.body, field) if manifest else None
        rule = Rule.CONTENT_AWAY if field == "content" else Rule.FILE
        yield Finding(rule, Level.WARNING, field, note.partition(": ")[2] or note, _remedy(note), MANIFEST, line)
    if copy is not None:
        yield from files_budget(copy)


def _no_fallback(message: str) -> Finding:
    return Finding(
        Rule.FALLBACK_MISSING,
        Level.ERROR,
        "fallback",
        message,
        'Serve a piece of HTML without data, as large as the slot, and name it: "fallback": "/fallback".',
        MANIFEST,
    )


def _field_of(message: str) -> str:
    if missing := _MISSING.search(message):
        return missing[1]
    if at := _AT.search(message):
        return at[1].removeprefix("$.")
    found = _FIELD.match(message)
    return found[1] if found else "manifest"


def _remedy(note: str) -> str:
    if "no samples" in note:
        return "Say in the pages table which parameters it is asked with: samples."
    if "sandboxed" in note:
        return "Ask an operator to trust it, and see it with --trust first-party; pages have to work without scripts."
    if "left out" in note:
        return "Take it out, or say mullion.isolation: shadow, where a stylesheet is its own document's."
    return "Take it out of the manifest, or correct what it says."
