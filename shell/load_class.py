"""The load class of a request, which decides what an overloaded shell sheds first.

Public: `load_class_of`, `classify`.

Who is signed in is who brings a player cookie that is genuine and of the session beside it. Whether that session has
ended meanwhile is looked up by nobody here: it decides who waits, and opens nothing.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.http import parse_cookie

from bff.contracts.load_class import LoadClass
from bff.contracts.paths import OBSERVED_PATHS
from shell.admission import is_internal
from shell.composition.assets import PREFIX as STATIC_PREFIX
from shell.composition.release import ASSETS_PREFIX
from shell.composition.slot_path import SLOTS_PREFIX
from shell.players.authentication import read_player_cookie

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_QUERY_BYTES_MAX = 4096


def load_class_of(method: str, path: str, query: Mapping[str, str], *, signed_in: bool) -> LoadClass:
    """A class by method, path and who asks. What a visitor sends, as to sign in, is read before their pages."""
    if method not in _READS:
        return LoadClass.MONEY if signed_in else LoadClass.READ
    if path.startswith(SLOTS_PREFIX):
        if query.get("attempt", "0").strip("0"):
            return LoadClass.RETRY
        return LoadClass.READ if signed_in else LoadClass.REFRESH
    return LoadClass.READ if signed_in else LoadClass.PAGE


def classify(scope: dict[str, Any]) -> LoadClass | None:
    """The class of a request that came in; None for what is never turned away: health, whatever comes to the inner
    port, and files, which cost no more than a refusal. What a browser says of a class is nothing here."""
    path, method = scope["path"], scope["method"]
    if path in OBSERVED_PATHS or is_internal(scope):
        return None
    if method in _READS and path.startswith((STATIC_PREFIX, ASSETS_PREFIX)):
        return None
    query: dict[str, str] = {}
    if path.startswith(SLOTS_PREFIX):
        query = dict(parse_qsl(scope["query_string"][:_QUERY_BYTES_MAX].decode("latin-1")))
    return load_class_of(method, path, query, signed_in=_signed_in(scope))


def _signed_in(scope: dict[str, Any]) -> bool:
    header = next((value for name, value in scope["headers"] if name == b"cookie"), b"")
    if settings.PLAYER_COOKIE_NAME.encode() not in header:
        return False
    return any(read_player_cookie(parse_cookie(header.decode("latin-1"))))
