"""A fault that is on, in a few words, and whom it hits.

Public: `fault`, `whom`.
"""

from collections.abc import Mapping
from typing import Any

from tests.drills.proxy.faults import FAULTS


def fault(kind: str, attributes: Mapping[str, Any]) -> str:
    """`latency=3000`, and what differs from nothing beside it."""
    known = FAULTS.get(kind)
    names = [each.name for each in known.parameters] if known else list(attributes)
    said = [f"{name}={attributes[name]}" for name in names if attributes.get(name) not in (0, "", None)]
    if said and said[0].startswith(f"{kind}="):
        said[0] = said[0].partition("=")[2]
    return " ".join([kind, *said])


def whom(toxic: Mapping[str, Any], mark: str) -> str:
    """Everyone, a share, this browser's session, or somebody else's."""
    if toxic["scope"] == "session":
        return "this browser's session" if mark and toxic["session"] == mark else "another session"
    share = toxic["toxicity"]
    return "everyone" if toxic["scope"] == "everyone" else f"{share:.0%} of all"
