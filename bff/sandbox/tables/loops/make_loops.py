"""Draws the loops that the sandbox plays as live video, and cuts them into segments.

Run once, from the repository's root, when a drawing changes; the results are committed, so nobody else needs ffmpeg:

    uv run --with numpy python bff/sandbox/tables/loops/make_loops.py

Each loop has 12 s of 640 x 360 at 15 frames a second, VP9 in fragmented MP4 (free to use, like the drawings), in six
segments of 2 s that begin with a key frame. Motion repeats after 12 s, so the end meets the beginning.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy  # type: ignore[import-not-found]  # only to make the loops anew

WIDTH, HEIGHT, SCALE, RATE, SECONDS = 640, 360, 2, 15, 12
FOLDER = Path(__file__).parent
TAU = 2 * numpy.pi

Y, X = numpy.mgrid[0 : HEIGHT * SCALE, 0 : WIDTH * SCALE] / SCALE


def felt(inner: tuple[int, int, int], outer: tuple[int, int, int]) -> numpy.ndarray:
    """A cloth lit from above."""
    light = numpy.clip(1 - numpy.hypot((X - 320) / 460, (Y - 150) / 330), 0, 1)[..., None]
    return numpy.array(outer) + (numpy.array(inner) - numpy.array(outer)) * light


def paint(frame: numpy.ndarray, where: numpy.ndarray, color: tuple[int, int, int]) -> None:
    frame[where] = color


def disc(x: float, y: float, radius: float) -> numpy.ndarray:
    return numpy.hypot(X - x, Y - y) <= radius


def wheel(
    frame: numpy.ndarray, turn: float, colors: list[tuple[int, int, int]], x: float, y: float, radius: float
) -> None:
    """A wheel of sectors, seen from slightly above."""
    across, down = X - x, (Y - y) / 0.82
    distance, angle = numpy.hypot(across, down), (numpy.arctan2(down, across) + turn) % TAU
    paint(frame, distance <= radius + 9, (92, 62, 30))
    paint(frame, distance <= radius + 3, (214, 178, 94))
    sector = (angle / TAU * len(colors)).astype(int) % len(colors)
    for number, color in enumerate(colors):
        paint(frame, (distance <= radius) & (sector == number), color)
    paint(frame, distance <= radius * 0.62, (62, 44, 26))
    paint(frame, distance <= radius * 0.56, (110, 78, 40))
    spoke = numpy.abs((angle * 4 / TAU) % 1 - 0.5) < 0.05
    paint(frame, (distance <= radius * 0.5) & spoke, (214, 178, 94))
    paint(frame, distance <= radius * 0.12, (236, 206, 130))


def card(frame: numpy.ndarray, x: float, y: float, pips: int, red: bool) -> None:
    across, down = numpy.abs(X - x), numpy.abs(Y - y)
    paint(frame, (across <= 31) & (down <= 45), (20, 24, 28))
    paint(frame, (across <= 30) & (down <= 44), (244, 240, 230))
    color = (178, 34, 44) if red else (24, 26, 32)
    for pip in range(pips):
        px, py = x + (-13 if pip % 2 else 13), y - 28 + 56 * (pip // 2) / max(1, (pips - 1) // 2)
        paint(frame, numpy.abs(X - px) + numpy.abs(Y - py) <= 6, color)


def slide(at: float, starts: float, x: float, y: float) -> tuple[float, float] | None:
    """Where a card is that leaves the shoe at `starts` seconds and lies at (x, y) a second later; gone in the end."""
    if at < starts or at > SECONDS - 1.0:
        return None
    part = min(1.0, at - starts)
    eased = 1 - (1 - part) ** 3
    return 590 + (x - 590) * eased, 60 + (y - 60) * eased


def roulette(at: float) -> numpy.ndarray:
    frame = felt((24, 96, 66), (8, 34, 28))
    colors = [(22, 120, 70)] + [(168, 28, 38) if number % 2 else (24, 24, 28) for number in range(36)]
    wheel(frame, TAU * at / SECONDS, colors, 320, 176, 150)
    angle = -TAU * 3 * at / SECONDS
    radius = 150 * 0.9
    paint(frame, disc(320 + radius * numpy.cos(angle), 176 + radius * 0.82 * numpy.sin(angle), 6), (248, 246, 240))
    return frame


def blackjack(at: float) -> numpy.ndarray:
    frame = felt((24, 78, 120), (8, 24, 44))
    paint(frame, numpy.abs(numpy.hypot(X - 320, (Y + 330) * 0.9) - 520) < 2, (206, 172, 96))
    deals = [(0.5, 150, 250, 5, True), (1.5, 320, 270, 8, False), (2.5, 490, 250, 3, True), (3.5, 290, 110, 7, False)]
    deals += [(5.0, 190, 262, 6, False), (6.0, 360, 282, 2, True), (7.0, 450, 262, 9, True), (8.0, 350, 110, 10, True)]
    return dealt(frame, at, deals)


def baccarat(at: float) -> numpy.ndarray:
    frame = felt((120, 30, 48), (44, 10, 20))
    for x in (190, 450):
        paint(frame, numpy.abs(numpy.maximum(numpy.abs(X - x) / 1.4, numpy.abs(Y - 190)) - 80) < 1.2, (206, 172, 96))
    deals = [(0.5, 150, 190, 4, True), (1.7, 410, 190, 9, False), (2.9, 220, 190, 5, False), (4.1, 480, 190, 2, True)]
    return dealt(frame, at, [*deals, (6.5, 450, 205, 6, True)])


def dealt(frame: numpy.ndarray, at: float, deals: Sequence[tuple[float, float, float, int, bool]]) -> numpy.ndarray:
    paint(frame, (numpy.abs(X - 600) <= 34) & (numpy.abs(Y - 52) <= 26), (30, 24, 22))
    paint(frame, (numpy.abs(X - 600) <= 30) & (numpy.abs(Y - 52) <= 22), (84, 60, 44))
    for starts, x, y, pips, red in deals:
        place = slide(at, starts, x, y)
        if place is not None:
            card(frame, *place, pips, red)
    return frame


def gameshow(at: float) -> numpy.ndarray:
    frame = felt((98, 54, 120), (26, 12, 44))
    colors = [(232, 178, 58), (58, 120, 190), (206, 74, 92), (70, 160, 116), (150, 96, 190), (224, 122, 62)] * 3
    wheel(frame, TAU * 2 * at / SECONDS, colors, 320, 186, 146)
    for lamp in range(12):
        angle = TAU * lamp / 12
        lit = (lamp + int(at * 3)) % 3 == 0
        paint(
            frame,
            disc(320 + 176 * numpy.cos(angle), 186 + 144 * numpy.sin(angle), 6),
            (255, 226, 140) if lit else (90, 66, 60),
        )
    paint(frame, (numpy.abs(X - 320) <= (Y - 20) * -0.4 + 22) & (Y >= 24) & (Y <= 74), (248, 246, 240))
    return frame


def encode(name: str, draw: Callable[[float], numpy.ndarray]) -> None:
    target = FOLDER / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        command = ["ffmpeg", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{WIDTH}x{HEIGHT}"]
        command += [
            "-r",
            str(RATE),
            "-i",
            "-",
            "-an",
            "-c:v",
            "libvpx-vp9",
            "-pix_fmt",
            "yuv420p",
            "-b:v",
            "0",
            "-crf",
            "42",
        ]
        command += [
            "-g",
            str(2 * RATE),
            "-keyint_min",
            str(2 * RATE),
            "-row-mt",
            "1",
            "-deadline",
            "good",
            "-cpu-used",
            "1",
        ]
        command += ["-lag-in-frames", "0", "-auto-alt-ref", "0", "-f", "hls", "-hls_time", "2", "-hls_list_size", "0"]
        command += ["-hls_segment_type", "fmp4", "-hls_segment_filename", f"{folder}/%d.m4s", f"{folder}/list.m3u8"]
        ffmpeg = subprocess.Popen(command, stdin=subprocess.PIPE)  # noqa: S603 (our own words)
        pipe = ffmpeg.stdin
        assert pipe is not None, "ffmpeg was started with a pipe"
        for number in range(RATE * SECONDS):
            large = draw(number / RATE).astype(numpy.float32)
            small = large.reshape(HEIGHT, SCALE, WIDTH, SCALE, 3).mean(axis=(1, 3))
            pipe.write(small.round().astype(numpy.uint8).tobytes())
        pipe.close()
        if ffmpeg.wait() != 0:
            raise SystemExit(f"ffmpeg failed on {name}")
        shutil.copy(f"{folder}/init.mp4", target / "init.mp4")
        for segment in sorted(Path(folder).glob("*.m4s")):
            shutil.copy(segment, target / segment.name)
    print(name, {file.name: file.stat().st_size for file in sorted(target.iterdir())})


if __name__ == "__main__":
    for kind, drawing in {
        "roulette": roulette,
        "blackjack": blackjack,
        "baccarat": baccarat,
        "gameshow": gameshow,
    }.items():
        encode(kind, drawing)
