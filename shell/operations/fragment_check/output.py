"""A report for people, and the same as JSON.

Public: `for_people`, `as_json`.
"""

import json
from collections.abc import Iterator
from typing import Any

from bff.resilience.outcome import State
from shell.operations.fragment_check.report import Report, SlotReport
from shell.registry.gate.findings import Finding, Level
from shell.registry.survival import Survival

_SHOWN = {
    State.FRESH: "its content",
    State.DEGRADED: "its content, degraded",
    State.STALE: "its last good answer",
    State.FALLBACK: "its fallback",
    State.PLACEHOLDER: "the shell's neutral card",
}
_ORDER = (Level.ERROR, Level.WARNING, Level.NOTE)


def for_people(report: Report) -> Iterator[str]:
    """Lines, what has to be mended last: that is where a terminal stands when it is done."""
    if report.checked:
        yield f"{report.fragment} {report.version}, {report.trust}, from {report.manifest_url}"
        yield from _slots(report.slots)
        yield from _files(report)
        yield from _failing(report.slots)
    yield from (f"picture: {path}" for path in report.pictures)
    yield from (f"not looked at: {what}" for what in report.skipped)
    for level in _ORDER:
        for alike in _grouped(report, level):
            yield from ("", *_finding_lines(alike))
    yield ""
    yield _verdict(report)


def as_json(report: Report) -> str:
    """All of it, for a program; what a page shows is said in the words of `data-state` and `data-reason`."""
    return json.dumps(
        {
            "manifest_url": report.manifest_url,
            "checked": report.checked,
            "fragment": report.fragment,
            "version": report.version,
            "trust": report.trust,
            "findings": [_finding_json(finding) for finding in report.findings],
            "slots": [_slot_json(slot) for slot in report.slots],
            "files": [
                {"path": each.path, "content_type": each.content_type, "bytes": each.body_bytes}
                for each in report.files
            ],
            "pictures": report.pictures,
            "skipped": report.skipped,
        },
        indent=2,
        ensure_ascii=False,
    )


def _slots(slots: list[SlotReport]) -> Iterator[str]:
    yield ""
    for slot in slots:
        included = slot.included
        status = f"answered {included.status}" if included.status else "no answer"
        declared = slot.include.published.manifest.mullion
        yield (
            f"{slot.where}: pages show {_SHOWN[included.state]}; {status} after {included.ms} of "
            f"{declared.deadline_ms} ms, {_size(slot.body_bytes)} of {_size(declared.body_bytes_max)} ({slot.url})"
        )


def _files(report: Report) -> Iterator[str]:
    if report.files:
        size = _size(sum(each.body_bytes for each in report.files))
        yield f"{len(report.files)} files, {size}: pages get copies, made when you publish"
        for each in report.files:
            yield f"  {each.path}  {each.content_type.partition(';')[0]}  {_size(each.body_bytes)}"


def _failing(slots: list[SlotReport]) -> Iterator[str]:
    """One table, as slots mostly fail alike; a slot that differs has rows of its own."""
    tables: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for slot in slots:
        if slot.survivals:
            tables.setdefault(tuple(_row(row) for row in slot.survivals), []).append(slot.where)
    for rows, where in tables.items():
        yield ""
        yield f"While its origin fails, {', '.join(where)}:"
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        for row in rows:
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
            yield "  " + "  ".join([*cells, row[3]]).rstrip()


def _row(row: Survival) -> tuple[str, str, str, str]:
    waited = f"after {row.ms} ms" if row.ms else "at once"
    heals = "" if row.heals else ", and does not heal"
    return row.fault.name, row.fault.happens, f"a page shows {_SHOWN[row.state]} ({row.reason})", waited + heals


def _grouped(report: Report, level: Level) -> list[list[Finding]]:
    """Findings that say the same of several slots, together."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for finding in report.findings:
        if finding.level is level:
            found.setdefault((finding.message, finding.remedy), []).append(finding)
    return list(found.values())


def _finding_lines(alike: list[Finding]) -> Iterator[str]:
    places = [f"{each.field} ({each.place})" if each.place else each.field for each in alike]
    yield f"{alike[0].level.upper()} {', '.join(places)}: {alike[0].message}"
    yield f"  -> {alike[0].remedy}"


def _verdict(report: Report) -> str:
    errors, warnings = report.count(Level.ERROR), report.count(Level.WARNING)
    if not report.checked:
        return "It could not be checked."
    word = "Mend the errors before you publish." if errors else "It can be published."
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')}. {word}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _size(size: int) -> str:
    return f"{size} B" if size < 1024 else f"{size / 1024:.1f} KiB"


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "level": finding.level,
        "field": finding.field,
        "message": finding.message,
        "remedy": finding.remedy,
        "source": finding.source,
        "line": finding.line,
    }


def _slot_json(slot: SlotReport) -> dict[str, Any]:
    included = slot.included
    return {
        "where": slot.where,
        "url": slot.url,
        "state": included.state,
        "reason": included.reason,
        "status": included.status,
        "ms": included.ms,
        "bytes": slot.body_bytes,
        "failing": [
            {
                "fault": row.fault.name,
                "state": row.state,
                "reason": row.reason,
                "ms": row.ms,
                "heals": row.heals,
                "survived": row.survived,
            }
            for row in slot.survivals
        ],
    }
