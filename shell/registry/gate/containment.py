"""Findings about everything that containment removes from a body, each once with its line.

Public: `notes_of`.
"""

from bff.resilience.message import Response
from shell.composition.body import content_type_of, links_of
from shell.composition.contain import Refusal, audit, unplaced
from shell.composition.release import Release
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.lines import line_of_note
from shell.registry.gate.remedies import remedy_for_note
from shell.registry.gate.rules import Rule


def notes_of(
    field: str, response: Response, url: str, release: Release, prefix: str, places: tuple[str, ...] = ()
) -> list[Finding]:
    """A warning for each thing that pages show the body without; nothing where the whole body is refused."""
    contained = audit(
        response.body,
        content_type_of(response),
        prefix=prefix,
        isolation=release.isolation,
        links=links_of(release),
        sandboxed=release.sandboxed,
        places=places,
    )
    if isinstance(contained, Refusal):
        return []
    altered, warning = Rule.CONTENT_ALTERED, Level.WARNING
    lost = [
        Finding(
            altered,
            warning,
            field,
            f"{note}; a page shows it without",
            remedy_for_note(note),
            url,
            line_of_note(response.body, note),
        )
        for note in contained.notes
    ]
    missing = unplaced(contained.html, places)
    return [*lost, *(Finding(altered, warning, field, note, remedy_for_note(note), url) for note in missing)]
