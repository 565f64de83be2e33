"""Numbers of policies that this installation wants otherwise, read from one place; the shape is `overrides.py`'s.

Public: `HOUSE_POLICY_NAMES`, `read_policies`, `policy_for`, `house_policy`, `policy_by_name`, `check_policies`.

| variable | by |
|---|---|
| `UPSTREAM_POLICIES` | upstream: the numbers of `policy.Policy`, of guarded calls |
| `FEED_POLICIES` | feed: how long its silence is believed (`bff.store.policy`) |
| `HOUSE_POLICIES` | name of a house's own policy, one of `HOUSE_POLICY_NAMES` |

Every process may be given the same values: what it has no policy for changes nothing there.
"""

import os
import sys
from collections.abc import Mapping
from typing import TypeVar

from bff.resilience.overrides import ALL, Overrides, OverridesRefused, overridden, read_overrides
from bff.resilience.policy import Policy

HOUSE_POLICY_NAMES = frozenset(
    {
        "analysis",
        "broker",
        "contain",
        "door",
        "follow",
        "fragment-reports",
        "functions",
        "games-feed",
        "gate",
        "registry-api",
        "registry-poll",
        "engine",
        "feeds",
        "kit",
        "last-good",
        "live",
        "origin-files",
        "prewarm",
        "projector",
        "projector-store",
        "promotions-feed",
        "proxy",
        "queries",
        "relay",
        "relay-store",
        "release",
        "sandbox-betting",
        "sandbox-functions",
        "sandbox-functions-day",
        "sandbox-functions-prices",
        "server",
        "sign-in",
        "store",
        "tables-feed",
        "trial-webhook",
        "worker",
    }
)
T = TypeVar("T")


def read_policies(value: str) -> Overrides:
    """The numbers in `value` by upstream, each checked as one of `Policy`. Raises `OverridesRefused`."""
    found = read_overrides(value)
    for upstream in found:
        overridden(upstream, Policy(), found)
    return found


def policy_for(upstream: str, policy: Policy) -> Policy:
    """`policy`, with the numbers that this installation has changed for `upstream`."""
    return overridden(upstream, policy, read_overrides(os.environ.get("UPSTREAM_POLICIES", "")))


def house_policy(name: str, policy: T, environ: Mapping[str, str] = os.environ) -> T:
    """A house's own `policy` as this installation wants it. Ends the process with a sentence where that can not be."""
    assert name in HOUSE_POLICY_NAMES, name
    return policy_by_name("HOUSE_POLICIES", environ.get("HOUSE_POLICIES", ""), name, policy)


def policy_by_name(variable: str, value: str, name: str, policy: T) -> T:
    """As `house_policy`, of any variable of this shape, which has `value`."""
    try:
        return overridden(name, policy, read_overrides(value))
    except OverridesRefused as error:
        sys.exit(f"{variable} can not be used: {error}.")


def check_policies(environ: Mapping[str, str]) -> None:
    """Ends the process with a sentence where a value can not be used: at its start, not in an outage."""
    try:
        read_policies(environ.get("UPSTREAM_POLICIES", ""))
    except OverridesRefused as error:
        sys.exit(f"UPSTREAM_POLICIES can not be used: {error}.")
    try:
        _check_names(read_overrides(environ.get("HOUSE_POLICIES", "")))
    except OverridesRefused as error:
        sys.exit(f"HOUSE_POLICIES can not be used: {error}.")


def _check_names(found: Overrides) -> None:
    for name in found:
        if name == ALL or name not in HOUSE_POLICY_NAMES:
            raise OverridesRefused(
                f"{name[:64]!r} is no policy of a house; there are {', '.join(sorted(HOUSE_POLICY_NAMES))}"
            )
