"""An active fault in a few words, and whom it hits.

Public: `fault`, `whom`.
"""

from collections.abc import Mapping
from typing import Any

from tests.drills.proxy.faults import FAULTS


def fault(kind: str, attributes: Mapping[str, Any]) -> str:
    """`latency=3000`, and every other parameter that is not zero."""
    described = FAULTS.get(kind)
    names = [each.name for each in described.parameters] if described else list(attributes)
    words = [f"{name}={attributes[name]}" for name in names if attributes.get(name) not in (0, "", None)]
    if words and words[0].startswith(f"{kind}="):
        words[0] = words[0].partition("=")[2]
    return " ".join([kind, *words])


def whom(toxic: Mapping[str, Any], mark: str) -> str:
    """Everyone, a share, this browser's session, or somebody else's."""
    if toxic["scope"] == "session":
        return "this browser's session" if mark and toxic["session"] == mark else "another session"
    share = toxic["toxicity"]
    return "everyone" if toxic["scope"] == "everyone" else f"{share:.0%} of all"
