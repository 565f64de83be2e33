"""The addresses of pages: which a page that is data may have, and which two pages can not both have.

Public: `address_problem`, `pathname_problem`, `overlap`.
"""

import re
from collections.abc import Collection

SEGMENTS_MAX = 8
_LITERAL = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_PARAMETER = re.compile(r"\{[a-z_]{1,32}\}")
_PLACE = re.compile(r"[A-Za-z0-9_~{}-][A-Za-z0-9._~{}-]{0,127}")


def address_problem(route: str, reserved: Collection[str]) -> str:
    """Why a published page can not have this route, empty where it can. `reserved` are first segments of the shell's.

    It begins with a segment of its own, so that no page takes what was never given to it.
    """
    segments = _segments(route)
    if len(segments) > SEGMENTS_MAX:
        return f"it has at most {SEGMENTS_MAX} segments"
    if odd := [each for each in segments if not (_LITERAL.fullmatch(each) or _PARAMETER.fullmatch(each))]:
        return f"{odd[0]!r} is neither lower-case letters, digits, dots and dashes nor one {{parameter}}"
    if segments and segments[0].startswith("{"):
        return "its first segment is no parameter, or it would be the address of every other page"
    if segments and segments[0] in reserved:
        return f"/{segments[0]}/ is the shell's own"
    return ""


def pathname_problem(pathname: str) -> str:
    """Why a published page can not ask a fragment for this, empty where it can.

    It is the place that it looks like: a detour over `..`, an escaped letter, a backslash or a query would name one
    that a manifest says something else of, such as that it is each player's own.
    """
    places = pathname.removeprefix("/").removesuffix("/").split("/")
    if places == [""] or (len(places) <= SEGMENTS_MAX and all(map(_PLACE.fullmatch, places))):
        return ""
    return f"{pathname[:60]!r} is no path of at most 8 segments of letters, digits, dots, dashes and {{parameters}}"


def overlap(route: str, other: str) -> bool:
    """Whether one path could mean both. A fixed route beside one with parameters that would take it is an overlap."""
    one, two = _segments(route), _segments(other)
    return len(one) == len(two) and all(a == b or "{" in a or "{" in b for a, b in zip(one, two, strict=True))


def _segments(route: str) -> list[str]:
    return [each for each in route.split("/") if each]
