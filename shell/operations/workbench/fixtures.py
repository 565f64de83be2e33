"""What the BFF would say in each state, made of the views that lie in a fragment's `fixtures`.

Public: `shape`, `long_name`, `read_view`.
"""

import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from shell.operations.workbench.states import BenchState

# How old the figures are while their feed fails.
STALE_FOR, DOWN_FOR = timedelta(minutes=2), timedelta(minutes=12)
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What people read begins with a capital and has small letters; codes, ids, moments and kinds do not.
_NAME = re.compile(r"(?=.*[a-z])[A-Z][^\d_/:]*.*")
_MORE = " with a name that goes on for as long as somebody once thought it would be good to go on"
_UNBROKEN = " Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"


def read_view(fixtures: Path, path: str) -> Any | None:
    """The view at `path` (`tables/201`), None where there is none that can be read."""
    parts = path.split("/")
    if not all(_SEGMENT.fullmatch(part) for part in parts):
        return None
    try:
        return msgspec.json.decode((fixtures / "views").joinpath(*parts).with_suffix(".json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return None


def shape(view: Any, state: BenchState, now: datetime) -> Any:
    """`view` as the BFF says it in `state` at `now`; what is no view of the BFF stays as it is."""
    if not isinstance(view, dict):
        return view
    shaped = dict(view)
    if state is BenchState.HUGE_NAMES:
        shaped["data"] = long_name(view.get("data"))
    ages = {BenchState.DEGRADED: ("stale", STALE_FOR), BenchState.FEED_DOWN: ("down", DOWN_FOR)}
    freshness, ago = ages.get(state, ("live", timedelta()))
    moment = (now - ago).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    given = view.get("freshness")
    shaped["freshness"] = {**(given if isinstance(given, dict) else {}), "state": freshness, "as_of": moment}
    return shaped


def long_name(value: Any) -> Any:
    """`value` with every name in it far too long."""
    if isinstance(value, dict):
        return {key: long_name(each) for key, each in value.items()}
    if isinstance(value, list):
        return [long_name(each) for each in value]
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value + _MORE + _UNBROKEN
    return value
