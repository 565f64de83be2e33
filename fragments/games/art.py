"""A picture for every game, drawn from its name: no file, nobody's trademark, and nothing that a page would wait for.

Public: `Art`, `art_of`.
"""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

WIDTH, HEIGHT = 96, 72
PALETTES = 12
ARTS_MAX = 1024


@dataclass(frozen=True, slots=True)
class Art:
    """Two paths in a box of 96 by 72, the far one behind. `palette` is one of the stylesheet's."""

    palette: int
    far: str
    near: str
    initials: str


Paths = tuple[str, str]


@lru_cache(maxsize=ARTS_MAX)
def art_of(name: str) -> Art:
    """The same picture for the same name, in every process."""
    seed = zlib.crc32(name.encode())
    far, near = _MOTIFS[seed % len(_MOTIFS)](Random(seed))  # noqa: S311 a picture is no secret
    return Art(seed // len(_MOTIFS) % PALETTES, far, near, _initials(name))


def _initials(name: str) -> str:
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(letters[:2]).upper()


def _points(*points: tuple[float, float]) -> str:
    return " ".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _circle(x: float, y: float, radius: float) -> str:
    radius = round(radius, 1)  # half of the very width that is written, or it is no circle
    half = f"a{radius} {radius} 0 1 0"
    return f"M{_points((x - radius, y))}{half} {2 * radius:.1f} 0{half} {-2 * radius:.1f} 0z"


def _polygon(points: list[tuple[float, float]]) -> str:
    return f"M{_points(points[0])}L{_points(*points[1:])}z"


def _around(x: float, y: float, radius: float, angle: float) -> tuple[float, float]:
    return x + radius * math.cos(angle), y + radius * math.sin(angle)


def _rings(random: Random) -> Paths:
    x, y = random.uniform(52, 88), random.uniform(8, 40)
    step = random.uniform(9, 13)
    rings = [_circle(x, y, step * (number + 1)) for number in range(7)]
    # Each ring is what lies between two circles, by the even-odd rule of the stylesheet.
    return "".join(rings[1:7]), _circle(x, y, step * 0.8)


def _rays(random: Random) -> Paths:
    x, y = random.uniform(56, 80), random.uniform(16, 34)
    count, turn = random.randint(9, 14), random.uniform(0, 1)
    slice_ = math.tau / count
    rays = [
        _polygon([(x, y), _around(x, y, 140, n * slice_ + turn), _around(x, y, 140, (n + 0.5) * slice_ + turn)])
        for n in range(count)
    ]
    return "".join(rays), _circle(x, y, random.uniform(10, 15))


def _hills(random: Random) -> Paths:
    def hill(base: float, rise: float) -> str:
        first, second = random.uniform(18, 40), random.uniform(56, 80)
        curve = _points((first, base - rise), (second, base + rise), (100, base - rise / 2))
        return f"M-4 76L{_points((-4, base))}C{curve}L100 76z"

    sun = _circle(random.uniform(56, 84), random.uniform(14, 26), random.uniform(7, 11))
    return hill(random.uniform(40, 52), 22), sun


def _lattice(random: Random) -> Paths:
    size, shift = random.uniform(11, 15), random.uniform(0, 8)
    far: list[str] = []
    near: list[str] = []
    for row in range(6):
        for column in range(7):
            x, y = column * 2 * size + (row % 2) * size - shift, row * size
            diamond = [(x, y - size * 0.8), (x + size * 0.8, y), (x, y + size * 0.8), (x - size * 0.8, y)]
            (near if random.random() < 0.16 else far).append(_polygon(diamond))
    return "".join(far), "".join(near)


def _planet(random: Random) -> Paths:
    x, y, radius = random.uniform(44, 70), random.uniform(26, 40), random.uniform(17, 22)
    stars = "".join(_circle(random.uniform(2, 94), random.uniform(2, 70), random.uniform(0.5, 1.4)) for _ in range(14))
    moon = _circle(x + radius * 1.7, y - radius * 0.8, radius * 0.28)
    return stars + _circle(x, y, radius * 1.5), _circle(x, y, radius) + moon


def _arches(random: Random) -> Paths:
    x, y = random.uniform(40, 74), HEIGHT + 2.0
    step = random.uniform(7, 9)
    arches = [_circle(x, y, step * (number + 2)) for number in range(8)]
    return "".join(arches), _circle(x, y, step)


def _gem(random: Random) -> Paths:
    x, y, radius = random.uniform(46, 68), random.uniform(30, 40), random.uniform(24, 29)
    turn, sides = random.uniform(0, 1), random.choice((5, 6, 8))
    corner = [_around(x, y, radius, turn + n * math.tau / sides) for n in range(sides)]
    facets = [_polygon([(x, y), corner[n], corner[(n + 1) % sides]]) for n in range(0, sides, 2)]
    return _polygon(corner), "".join(facets)


def _skyline(random: Random) -> Paths:
    towers = "".join(f"M{n * 11} 72V{HEIGHT - random.uniform(14, 50):.1f}h8.6V72z" for n in range(9))
    return towers, _circle(random.uniform(46, 76), random.uniform(14, 22), random.uniform(7, 10))


def _petals(random: Random) -> Paths:
    x, y, count = random.uniform(50, 72), random.uniform(26, 44), random.randint(6, 9)
    length, turn = random.uniform(26, 34), random.uniform(0, 1)

    def petal(angle: float) -> str:
        tip = _around(x, y, length, angle)
        left, right = (_around(x, y, length * 0.8, angle + side) for side in (0.5, -0.5))
        return f"M{_points((x, y))}Q{_points(left, tip)}Q{_points(right, (x, y))}z"

    return "".join(petal(turn + n * math.tau / count) for n in range(count)), _circle(x, y, length * 0.2)


def _stripes(random: Random) -> Paths:
    slant, width = random.uniform(18, 40), random.uniform(6, 9)
    far = "".join(
        _polygon([(left, -2), (left + width, -2), (left + width - slant, 74), (left - slant, 74)])
        for left in [n * width * 2 for n in range(-1, 11)]
    )
    x, y = random.uniform(50, 72), random.uniform(28, 42)
    star = [_around(x, y, 17 if n % 2 == 0 else 7.5, n * math.pi / 5 - math.pi / 2) for n in range(10)]
    return far, _polygon(star)


_MOTIFS: tuple[Callable[[Random], Paths], ...] = (
    _rings, _rays, _hills, _lattice, _planet, _arches, _gem, _skyline, _petals, _stripes,
)  # fmt: skip
