"""Numbers of a guarded call that this installation wants otherwise, by upstream, read from one place.

Public: `PoliciesRefused`, `read_policies`, `policy_for`, `check_policies`.

`UPSTREAM_POLICIES` is a JSON object: the name of an upstream, or `*` for all of them, and the numbers of
`policy.Policy` to change there, as in `{"*": {"consecutive_max": 3}, "wallet": {"deadline_ms": 500}}`. An upstream's
own number goes before that of `*`, and both before the one in the code. Names that no guard of a process has change
nothing there, so that every process can be given the same value.
"""

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any

from bff.resilience.policy import Policy

ALL = "*"
_BYTES_MAX = 64 * 1024
_TYPES = {field.name: field.type for field in fields(Policy)}
_MAY_BE_ZERO = frozenset({"patience_ms", "waiting_max", "late_hold_ms", "retry_budget_ratio", "retry_budget_spare"})

# A number is of the type that its field in `Policy` has.
Overrides = Mapping[str, Mapping[str, Any]]


class PoliciesRefused(ValueError):
    """`UPSTREAM_POLICIES` can not be used. The message names the upstream, the number and what is wrong with it."""


def read_policies(value: str) -> Overrides:
    """The numbers in `value` by upstream; empty where nothing is to change. Raises `PoliciesRefused`."""
    if len(value) > _BYTES_MAX:
        raise PoliciesRefused(f"it has more than {_BYTES_MAX} characters")
    try:
        found = json.loads(value or "{}")
    except (ValueError, RecursionError) as error:
        raise PoliciesRefused(f"it is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(numbers, dict) for numbers in found.values()):
        raise PoliciesRefused('it is an object of objects, such as {"wallet": {"deadline_ms": 500}}')
    for upstream, numbers in found.items():
        for name, number in numbers.items():
            _check(upstream, name, number)
        _check_together(upstream, replace(Policy(), **{**found.get(ALL, {}), **numbers}))
    return found


def policy_for(upstream: str, policy: Policy) -> Policy:
    """`policy`, with the numbers that this installation has changed for `upstream`."""
    overrides = _overrides(os.environ.get("UPSTREAM_POLICIES", ""))
    if not overrides:
        return policy
    return replace(policy, **{**overrides.get(ALL, {}), **overrides.get(upstream, {})})


def check_policies(environ: Mapping[str, str]) -> None:
    """Ends the process with a sentence where `UPSTREAM_POLICIES` can not be used: at its start, not in an outage."""
    try:
        read_policies(environ.get("UPSTREAM_POLICIES", ""))
    except PoliciesRefused as error:
        sys.exit(f"UPSTREAM_POLICIES can not be used: {error}.")


@lru_cache(maxsize=4)
def _overrides(value: str) -> Overrides:
    return read_policies(value)


def _check(upstream: str, name: str, number: Any) -> None:
    where = f"{upstream[:64]}.{name[:64]}"
    if name not in _TYPES:
        raise PoliciesRefused(f"{where} is no number of a policy; there are {', '.join(_TYPES)}")
    whole = _TYPES[name] is int
    if isinstance(number, bool) or not isinstance(number, int if whole else int | float) or not math.isfinite(number):
        raise PoliciesRefused(f"{where} is {str(number)[:32]!r}: it is a {'whole ' if whole else ''}number")
    if number < 0 or (number == 0 and name not in _MAY_BE_ZERO):
        raise PoliciesRefused(f"{where} is {number}: it is more than 0")
    if "ratio" in name and number > 1:
        raise PoliciesRefused(f"{where} is {number}: a ratio is at most 1")


def _check_together(upstream: str, policy: Policy) -> None:
    if policy.open_ms_initial > policy.open_ms_max:
        initial, longest = policy.open_ms_initial, policy.open_ms_max
        raise PoliciesRefused(f"{upstream[:64]}: open_ms_initial ({initial}) is more than open_ms_max ({longest})")
    if policy.open_factor < 1:
        raise PoliciesRefused(f"{upstream[:64]}.open_factor is {policy.open_factor}: it is at least 1")
