"""Ordinary HTML as people, templates and frameworks write it, and what must come of each piece in a page.

In a text file beside this one `=== <name>` begins a pattern: its HTML, then `-> ` and what must come of it (`=`: as it
is written), then `told: ` for each note that its authors get. `sandboxed -> ` and `light -> ` say the same where it
differs for a fragment that is not trusted, and in a tree that fragments share.
Public: `Pattern`, `PATTERNS`, `PREFIX`, `LINKS`.
"""

from dataclasses import dataclass
from pathlib import Path

from shell.composition.contain import LinkPolicy
from shell.composition.contain.pictures import CopiedFiles

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(
    origins=frozenset({"https://help.example"}),
    media_origins=frozenset({"https://video.example"}),
    frame_origins=frozenset({"https://help.example"}),
    sheets=CopiedFiles("http://wallet.test/", "/assets/wallet/f0/", frozenset({"main.css"})),
)
_SAME = "="
_NOTE = "told: "
_OUTCOMES = frozenset({"", "light", "sandboxed"})


_HERE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Outcome:
    """`html` stands in the page, `notes` are the notes: none where it is only written in another way."""

    html: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pattern:
    """One way to write HTML, and what comes of it: of a first-party fragment in a shadow root and in a tree that is
    shared (`light`), and of a sandboxed one."""

    name: str
    html: str
    shadow: Outcome
    light: Outcome
    sandboxed: Outcome


def _read(path: Path) -> list[Pattern]:
    return [_pattern(path.stem, part) for part in f"\n{path.read_text()}".split("\n=== ")[1:]]


def _pattern(group: str, part: str) -> Pattern:
    name, _, rest = part.partition("\n")
    lines = rest.splitlines()
    source: list[str] = []
    html: dict[str, str] = {}
    notes: dict[str, list[str]] = {}
    which = ""
    for line in lines:
        head, arrow, becomes = line.partition("-> ")
        if arrow and head.strip() in _OUTCOMES:
            which = head.strip()
            html[which], notes[which] = becomes, []
        elif line.startswith(_NOTE) and html:
            notes[which].append(line.removeprefix(_NOTE))
        elif line:
            source.append(line)
    written = "\n".join(source)

    def outcome(name: str) -> Outcome:
        name = name if name in html else ""
        return Outcome(written if html[name] == _SAME else html[name], tuple(notes[name]))

    return Pattern(f"{group}: {name}", written, outcome(""), outcome("light"), outcome("sandboxed"))


PATTERNS = [pattern for path in sorted(_HERE.glob("*.txt")) for pattern in _read(path)]
