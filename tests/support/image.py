"""The content of a fragment's image, as its Dockerfile says, and the command that starts it.

Public: `Image`, `image_of`.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.support.mullion import ROOT

_COPY = re.compile(r"^COPY (\S+) (\S+)$", re.MULTILINE)
_EXTRA = re.compile(r"^RUN uv sync .*--extra (\S+)$", re.MULTILINE)
_ENV = re.compile(r"^ENV (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Image:
    """`copies` are pairs (path in the repository, path in the image); `extra` is the installed extra; `command` starts
    it."""

    copies: tuple[tuple[str, str], ...]
    extra: str
    environ: dict[str, str]
    command: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """The files of the image's last stage, below `folder`."""
        for source, target in self.copies:
            shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__"))


def image_of(room: str) -> Image:
    """The image of `fragments/<room>/Dockerfile`; a line of an unexpected form is an error."""
    text = (ROOT / "fragments" / room / "Dockerfile").read_text("utf-8")
    built, _, last = text.rpartition("\nFROM ")
    [extra], [environ] = _EXTRA.findall(built), _ENV.findall(last)
    pairs = (pair.partition("=") for pair in environ.split())
    return Image(
        copies=tuple(_COPY.findall(last)),
        extra=extra,
        environ={name: value for name, _, value in pairs if name != "PATH"},
        command=tuple(json.loads(last.rpartition("\nCMD ")[2])),
    )
