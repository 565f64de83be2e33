"""The tables' pictures as HLS: committed loops, served as a live window that slides on real time.

Public: `Video`, `SEGMENT_S`.
`/video/<table>/live.m3u8` names the codec and points to `media.m3u8`, which holds the last `WINDOW` segments;
`init.mp4` and `<number>.m4s` lie beside it. A segment is one of the loop's with its time rewritten, so a player sees
one stream without end or seam. The sandbox's clock does not hold it: a held clock stops the table, not the camera.
"""

import struct
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from bff.sandbox.http import HttpResponse

SEGMENT_S = 2
WINDOW = 6
RETAINED_MAX = 4  # segments that have left the playlist and may still be asked for
# Numbers count from here, so that they are the same after a restart and small enough for every player's arithmetic.
EPOCH_S = 1_767_225_600  # 2026-01-01

_LOOPS = Path(__file__).parent / "loops"
# A page of another origin plays this, by script too.
_OPEN = {"access-control-allow-origin": "*"}
_PLAYLIST = {"content-type": "application/vnd.apple.mpegurl", "cache-control": "no-cache", **_OPEN}
_MEDIA = {"content-type": "video/mp4", "cache-control": "public, max-age=60", **_OPEN}


class Video:
    """The files below `/video/<table>/`, for a table of `kind`."""

    def answer(self, kind: str, name: str, now: float) -> HttpResponse:
        """`now` is Unix seconds; a held `now` is a frozen playlist."""
        loop = _loop(kind)
        newest = int((now - EPOCH_S) // SEGMENT_S) - 1
        if name == "live.m3u8":
            return HttpResponse(200, _master(loop.codec), _PLAYLIST)
        if name == "media.m3u8":
            return HttpResponse(200, _media(newest), _PLAYLIST)
        if name == "init.mp4":
            return HttpResponse(200, loop.init, _MEDIA)
        number, _, suffix = name.partition(".")
        is_segment = suffix == "m4s" and number.isascii() and number.isdigit() and len(number) < 12
        if is_segment and newest - WINDOW - RETAINED_MAX < int(number) <= newest:
            return HttpResponse(200, loop.segment(int(number)), _MEDIA)
        return self.missing()

    def missing(self) -> HttpResponse:
        return HttpResponse(404, b"", dict(_OPEN))


class Loop:
    """One committed loop. `segment(n)` is its part of number `n` on an endless timeline."""

    def __init__(self, folder: Path) -> None:
        self.init = (folder / "init.mp4").read_bytes()
        self._segments = [file.read_bytes() for file in sorted(folder.glob("*.m4s"), key=lambda file: int(file.stem))]
        self._timescale = struct.unpack_from(">I", self.init, self.init.index(b"mdhd") + 16)[0]
        profile, level, depth = struct.unpack_from(">BBB", self.init, self.init.index(b"vpcC") + 8)
        self.codec = f"vp09.{profile:02}.{level:02}.{depth >> 4:02}"

    def segment(self, number: int) -> bytes:
        part = bytearray(_without_index(self._segments[number % len(self._segments)]))
        struct.pack_into(">I", part, part.index(b"mfhd") + 8, number & 0xFFFFFFFF)
        # A version 1 box: version and flags, then 64 bits of time.
        struct.pack_into(">Q", part, part.index(b"tfdt") + 8, number * SEGMENT_S * self._timescale)
        return bytes(part)


@lru_cache(maxsize=8)
def _loop(kind: str) -> Loop:
    return Loop(_LOOPS / kind)


def _without_index(segment: bytes) -> bytes:
    """The index repeats the time that is rewritten, and no player needs it for a whole segment."""
    at = segment.find(b"sidx") - 4
    if at < 0:
        return segment
    size = struct.unpack_from(">I", segment, at)[0]
    return segment[:at] + segment[at + size :]


def _master(codec: str) -> bytes:
    stream = f'#EXT-X-STREAM-INF:BANDWIDTH=160000,CODECS="{codec}",RESOLUTION=640x360,FRAME-RATE=15'
    return f"#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-INDEPENDENT-SEGMENTS\n{stream}\nmedia.m3u8\n".encode()


def _media(newest: int) -> bytes:
    first = newest - WINDOW + 1
    began = datetime.fromtimestamp(EPOCH_S + first * SEGMENT_S, UTC).isoformat(timespec="milliseconds")
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{SEGMENT_S}",
        f"#EXT-X-MEDIA-SEQUENCE:{first}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        '#EXT-X-MAP:URI="init.mp4"',
        f"#EXT-X-PROGRAM-DATE-TIME:{began}",
    ]
    for number in range(first, newest + 1):
        lines += [f"#EXTINF:{SEGMENT_S:.3f},", f"{number}.m4s"]
    return ("\n".join(lines) + "\n").encode()
