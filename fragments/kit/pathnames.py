"""The pathnames of pages that a fragment links to: from its settings, or from the layout around it.

A layout that is not the shell has its pages elsewhere. It says so in a Podium context of its own, by name:
`podium-page-pathnames: cashier=/money/; table=/play/{table_id}/`. What it does not name stays as the settings say.

Public: `Pathnames`, `is_pathname`, `from_environment`, `from_header`.
"""

import re
from collections.abc import Mapping

import msgspec
from django.core.exceptions import ImproperlyConfigured

from bff.resilience import log
from fragments.kit.policy import POLICY

_log = log.get("fragment")
# A page's name -> its pathname; a part that varies stands as `{table_id}`.
Pathnames = Mapping[str, str]
_PART = re.compile(r"\{[a-z_]+\}")


def from_environment(own: Pathnames, value: str) -> Pathnames:
    """`own` with what `PAGE_PATHNAMES` (a JSON object) says of it; raises `ImproperlyConfigured`."""
    if not value:
        return own
    try:
        given = msgspec.json.decode(value, type=dict[str, str])
    except msgspec.DecodeError as error:
        raise ImproperlyConfigured(
            f'PAGE_PATHNAMES is no JSON object like {{"cashier": "/money/"}}: {error}'
        ) from error
    for name, pathname in given.items():
        if name in own and not _fits(pathname, own[name]):
            raise ImproperlyConfigured(
                f"PAGE_PATHNAMES: {name} has to be a pathname like {own[name]}, not {pathname!r}"
            )
    # Fragments side by side are given the same value: each takes the pages that it links to.
    return {name: given.get(name, pathname) for name, pathname in own.items()}


def from_header(own: Pathnames, value: str) -> Pathnames:
    """`own` with what a layout says of it. A value that is no such pathname is left out and logged: the link stays."""
    if not value:
        return own
    given = dict(own)
    for pair in value[: POLICY.page_pathnames_chars_max].split(";"):
        name, _, pathname = (part.strip() for part in pair.partition("="))
        if name in own and _fits(pathname, own[name]):
            given[name] = pathname
        elif name in own:
            _log.warning("page_pathname_refused", page=name, detail=f"has to be a pathname like {own[name]}")
    return given


def is_pathname(value: str) -> bool:
    """Whether `value` is a pathname on the page's own origin: it ends up in links and forms."""
    short = len(value) <= POLICY.pathname_chars_max
    return short and value.startswith("/") and not value.startswith("//") and "\\" not in value and value.isprintable()


def _fits(pathname: str, own: str) -> bool:
    parts = sorted(_PART.findall(pathname)) == sorted(_PART.findall(own))
    return parts and is_pathname(pathname) and not re.search(r"[{}]", _PART.sub("", pathname))
