"""An encoder for Playwright's videos, where Playwright's own was never downloaded.

Public: `encoder_environ`, `NoEncoder`.

Playwright looks for its ffmpeg in its browsers folder, by revision. This module creates such a folder with the ffmpeg
of the package imageio-ffmpeg (or of `$IMAGEIO_FFMPEG_EXE`).
"""

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import imageio_ffmpeg
import playwright

NAMES = {"linux": "ffmpeg-linux", "darwin": "ffmpeg-mac", "win32": "ffmpeg-win64.exe"}


class NoEncoder(Exception):
    """There is no ffmpeg for this machine; the message says what to do."""


@contextmanager
def encoder_environ() -> Iterator[dict[str, str]]:
    """The environment variables that Playwright's driver needs while it records. Raises `NoEncoder`."""
    try:
        encoder = Path(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise NoEncoder("no ffmpeg for this machine; set IMAGEIO_FFMPEG_EXE to one to have a video") from error
    with tempfile.TemporaryDirectory(prefix="mullion-encoder-") as folder:
        place = Path(folder, f"ffmpeg-{_revision()}", NAMES.get(sys.platform, NAMES["linux"]))
        place.parent.mkdir()
        place.symlink_to(encoder)
        yield {"PLAYWRIGHT_BROWSERS_PATH": folder}


def _revision() -> str:
    listed = json.loads((Path(playwright.__file__).parent / "driver" / "package" / "browsers.json").read_text("utf-8"))
    return str(next(each["revision"] for each in listed["browsers"] if each["name"] == "ffmpeg"))
