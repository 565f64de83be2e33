"""Answers of a fragment's BFF and other upstreams in each state, made from the files in its `fixtures`.

Public: `answer_of`, `shape`, `long_name`, `read_fixture`, `VIEWS`, `VISITOR`.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from bff.contracts.paths import VIEWS_PREFIX
from shell.operations.workbench.states import BenchState

# How old the figures are while their feed fails.
STALE_FOR, DOWN_FOR = timedelta(minutes=2), timedelta(minutes=12)
VIEWS = VIEWS_PREFIX.removeprefix("/")
# Before the ending of a file that is for who is not signed in; without one they get what everybody gets.
VISITOR = ".visitor"
_MOMENT = re.compile(r"now(?:([+-][0-9]{1,7})s)?", re.ASCII)
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What people read begins with a capital and has small letters; codes, ids, moments and kinds do not.
_NAME = re.compile(r"(?=.*[a-z])[A-Z][^\d_/:]*.*")
_MORE = " with a name that goes on for as long as somebody once thought it would be good to go on"
_UNBROKEN = " Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


def read_fixture(fixtures: Path, path: str, *, signed_in: bool = True) -> Any | None:
    """What lies at `path` (`views/tables/201`), None where there is nothing that can be read. Who is not `signed_in`
    gets `views/tables/201.visitor.json`, where there is one.
    """
    parts = path.split("/")
    if not all(_SEGMENT.fullmatch(part) for part in parts):
        return None
    file = fixtures.joinpath(*parts).with_suffix(".json")
    visitors = file.with_suffix(f"{VISITOR}.json")
    try:
        return msgspec.json.decode((file if signed_in or not visitors.exists() else visitors).read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def answer_of(fixtures: Path, path: str, state: BenchState, now: datetime, *, signed_in: bool = True) -> Any | None:
    """The answer at `path` in `state` at `now`; None where there is no fixture. A view carries its freshness; in other
    upstreams' answers a state changes names and moments only.
    """
    found = _with_moments(read_fixture(fixtures, path, signed_in=signed_in), now)
    if path.startswith(VIEWS):
        return shape(found, state, now)
    return long_name(found) if state is BenchState.HUGE_NAMES else found


def shape(view: Any, state: BenchState, now: datetime) -> Any:
    """`view` as the BFF says it in `state` at `now`; what is no view of the BFF stays as it is."""
    if not isinstance(view, dict):
        return view
    shaped = dict(view)
    if state is BenchState.HUGE_NAMES:
        shaped["data"] = long_name(view.get("data"))
    ages = {BenchState.DEGRADED: ("stale", STALE_FOR), BenchState.FEED_DOWN: ("down", DOWN_FOR)}
    freshness, ago = ages.get(state, ("live", timedelta()))
    given = view.get("freshness")
    shaped["freshness"] = {
        **(given if isinstance(given, dict) else {}),
        "state": freshness,
        "as_of": _moment(now - ago),
    }
    return shaped


def _with_moments(value: Any, now: datetime) -> Any:
    """`value` with `now`, `now+25s` and `now-90s` in it as moments: what runs out would have run out long ago."""
    if isinstance(value, dict):
        return {key: _with_moments(each, now) for key, each in value.items()}
    if isinstance(value, list):
        return [_with_moments(each, now) for each in value]
    if isinstance(value, str) and (found := _MOMENT.fullmatch(value)):
        return _moment(now + timedelta(seconds=int(found[1] or 0)))
    return value


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def long_name(value: Any) -> Any:
    """`value` with every name in it far too long."""
    if isinstance(value, dict):
        return {key: long_name(each) for key, each in value.items()}
    if isinstance(value, list):
        return [long_name(each) for each in value]
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value + _MORE + _UNBROKEN
    return value
