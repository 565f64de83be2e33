"""The on-call contact of a fragment, from the manifest of its live release.

Public: `Contact`, `NOBODY`, `contact_of`, `contact_in`.
"""

import re
from dataclasses import dataclass

from bff.contracts.manifest import Extension, ManifestRefused, parse

_CHARS_MAX = 200
_LINK = re.compile(r"https://[^\s\"'<>\\]+")


@dataclass(frozen=True, slots=True)
class Contact:
    """Each is text of the fragment's, empty where it says none; `link` is the runbook where it is an https address."""

    owner: str = ""
    oncall: str = ""
    runbook: str = ""

    @property
    def link(self) -> str:
        return self.runbook if _LINK.fullmatch(self.runbook) else ""


NOBODY = Contact()


def contact_of(extension: Extension) -> Contact:
    """Cut to what a row can show."""
    return Contact(*(text[:_CHARS_MAX] for text in (extension.owner, extension.oncall, extension.runbook)))


def contact_in(manifest: bytes) -> Contact:
    """The contact in a stored manifest; none in one that can not be parsed any more."""
    try:
        return contact_of(parse(manifest).mullion)
    except ManifestRefused:
        return NOBODY
