"""Numbers that an installation wants otherwise than the code: one shape, one reading, for every policy of every house.

Public: `Overrides`, `OverridesRefused`, `read_overrides`, `overridden`.

A variable of the environment holds a JSON object: a name (of an upstream, a feed, a policy), or `*` for all, and the
numbers to change there, as in `{"*": {"consecutive_max": 3}, "wallet": {"deadline_ms": 500}}`. A name's own number
goes before that of `*`, and both before the one in the code.
"""

import dataclasses
import json
import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

ALL = "*"
_BYTES_MAX = 64 * 1024
# May be nothing though their default is more: no waiting, no retries, no cache.
_MAY_BE_ZERO = frozenset(
    {"patience_ms", "waiting_max", "retry_budget_ratio", "retry_budget_spare", "late_hold_ms", "cache_bytes_max"}
)

# A number is of the type that its field in the policy has.
Overrides = Mapping[str, Mapping[str, Any]]
T = TypeVar("T")


class OverridesRefused(ValueError):
    """They can not be used. The message names the entry, the number and what is wrong with it."""


@lru_cache(maxsize=16)
def read_overrides(value: str) -> Overrides:
    """The numbers in `value` by name; empty where nothing is to change. Raises `OverridesRefused`."""
    if len(value) > _BYTES_MAX:
        raise OverridesRefused(f"it has more than {_BYTES_MAX} characters")
    try:
        found = json.loads(value or "{}")
    except (ValueError, RecursionError) as error:
        raise OverridesRefused(f"it is not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(numbers, dict) for numbers in found.values()):
        raise OverridesRefused('it is an object of objects, such as {"wallet": {"deadline_ms": 500}}')
    return found


def overridden(name: str, policy: T, overrides: Overrides) -> T:
    """`policy`, a dataclass of numbers, with those that `overrides` has for `name`. Raises `OverridesRefused`."""
    numbers = {**overrides.get(ALL, {}), **overrides.get(name, {})}
    if not numbers:
        return policy
    fields = {field.name: field for field in dataclasses.fields(policy)}  # type: ignore[arg-type]  # T is a policy
    for key, number in numbers.items():
        _check(f"{name[:64]}.{key[:64]}", key, number, fields)
    try:
        changed: T = dataclasses.replace(policy, **numbers)  # type: ignore[type-var]  # T is a policy
    except ValueError as error:  # of a policy that looks at its numbers together
        raise OverridesRefused(f"{name[:64]}: {error}") from error
    for low, high in _pairs(fields):
        if getattr(changed, low) > getattr(changed, high):
            values = f"{low} ({getattr(changed, low)}) is more than {high} ({getattr(changed, high)})"
            raise OverridesRefused(f"{name[:64]}: {values}")
    return changed


def _check(where: str, key: str, number: Any, fields: Mapping[str, "dataclasses.Field[Any]"]) -> None:
    if key not in fields:
        raise OverridesRefused(f"{where} is no number of a policy; there are {', '.join(fields)}")
    kind = fields[key].type
    if kind is bool:
        if not isinstance(number, bool):
            raise OverridesRefused(f"{where} is {str(number)[:32]!r}: it is true or false")
        return
    whole = kind is int
    if isinstance(number, bool) or not isinstance(number, int if whole else int | float) or not math.isfinite(number):
        raise OverridesRefused(f"{where} is {str(number)[:32]!r}: it is a {'whole ' if whole else ''}number")
    if number < 0 or (number == 0 and key not in _MAY_BE_ZERO and fields[key].default != 0):
        raise OverridesRefused(f"{where} is {number}: it is more than 0")
    if "ratio" in key and number > 1:
        raise OverridesRefused(f"{where} is {number}: a ratio is at most 1")


def _pairs(names: Iterable[str]) -> list[tuple[str, str]]:
    """What must not be more than what: `open_ms_initial` and `open_ms_max`, `retry_s` and `retry_s_max`."""
    found = set(names)
    stems = [name.removesuffix("_max") for name in found if name.endswith("_max")]
    pairs = [(stem + end, f"{stem}_max") for stem in stems for end in ("_initial", "_min", "")]
    return sorted((low, high) for low, high in pairs if low in found)
