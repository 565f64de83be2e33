"""Pictures as data URIs, so that a report is one file; with frames around the slots that were broken.

Public: `Photograph`, `Frame`, `photographs`, `inside`.
"""

import base64
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.drills.evidence.value import MOMENTS, Evidence, Picture
from tests.drills.phrases import duration

BYTES_MAX = 4 * 1024 * 1024
KINDS = {b"RIFF": "image/webp", b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, slots=True)
class Frame:
    """A slot's rectangle in a picture, in pixels."""

    slot: str
    x: str
    y: str
    width: str
    height: str


@dataclass(frozen=True, slots=True)
class Photograph:
    """`source` is a data URI, empty if the file is missing; `problem` says why."""

    caption: str
    alternative: str
    source: str
    width: str
    height: str
    frames: tuple[Frame, ...] = ()
    problem: str = ""


def photographs(evidence: Evidence, folder: Path) -> dict[str, list[Photograph]]:
    """For each viewer those before, during and after the fault, in this order."""
    found: dict[str, list[Photograph]] = {}
    for viewer in ("tester", "control"):
        for moment in MOMENTS:
            for picture in evidence.pictures:
                if (picture.viewer, picture.moment) == (viewer, moment):
                    found.setdefault(viewer, []).append(_photograph(picture, evidence, folder))
    return found


def inside(folder: Path, path: str) -> Path | None:
    """The file that the evidence names, if it is inside the evidence's folder: a journal may come from anywhere."""
    file = (folder / path).resolve()
    return file if file.is_relative_to(folder.resolve()) and file.is_file() else None


def _photograph(picture: Picture, evidence: Evidence, folder: Path) -> Photograph:
    origin = evidence.fault_began_ms or 0
    at_ms = picture.at_ms - origin
    when = f"{duration(-at_ms)} before the fault" if at_ms < 0 else f"{duration(at_ms)} after the fault began"
    whose = "the tester's page" if picture.viewer == "tester" else "the control page"
    source, problem = _source(inside(folder, picture.path))
    broken = evidence.broken_slots if picture.viewer == "tester" and picture.moment == "during" else ()
    return Photograph(
        caption=f"{picture.moment.capitalize()}: {when}",
        alternative=f"Screenshot of {whose}, {when}",
        source=source,
        width=str(picture.width),
        height=str(picture.height),
        frames=tuple(_frames(picture, broken)),
        problem=problem,
    )


def _source(file: Path | None) -> tuple[str, str]:
    """A data URI, or the reason why there is none."""
    if file is None or file.stat().st_size > BYTES_MAX:
        return "", "This picture is not in the run's folder, or too large."
    content = file.read_bytes()
    kind = next((kind for head, kind in KINDS.items() if content.startswith(head)), "")
    if not kind:
        return "", "This file is no picture."
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}", ""


def _frames(picture: Picture, slots: Collection[str]) -> Iterator[Frame]:
    for slot in slots:
        if slot in picture.places:
            x, y, width, height = picture.places[slot]
            yield Frame(slot, str(x - 8), str(y - 8), str(width + 16), str(height + 16))
