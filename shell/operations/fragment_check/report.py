"""The whole result of a check.

Public: `Report`, `SlotReport`, `FileReport`.
"""

from dataclasses import dataclass, field

from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.registry.gate.findings import Finding, Level
from shell.registry.survival import Survival


@dataclass(frozen=True, slots=True)
class SlotReport:
    """One pathname: the fragment's answer, what a page shows of it, and what it shows while the origin fails."""

    where: str
    url: str
    include: Include
    included: Included
    body_bytes: int
    survivals: tuple[Survival, ...] = ()


@dataclass(frozen=True, slots=True)
class FileReport:
    """A file that pages get from the shell's copy."""

    path: str
    content_type: str
    body: bytes

    @property
    def body_bytes(self) -> int:
        return len(self.body)


@dataclass(slots=True)
class Report:
    """`checked` is False where the manifest could not be fetched or parsed: then there are only `findings`."""

    manifest_url: str
    checked: bool = False
    fragment: str = ""
    version: str = ""
    trust: str = ""
    findings: list[Finding] = field(default_factory=list)
    slots: list[SlotReport] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)
    pictures: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)

    def count(self, level: Level) -> int:
        return sum(finding.level is level for finding in self.findings)

    def exit_code(self, *, strict: bool = False) -> int:
        """0: it can be published. 1: something has to be mended. 2: it could not be looked at."""
        if not self.checked:
            return 2
        return 1 if self.count(Level.ERROR) or (strict and self.count(Level.WARNING)) else 0
