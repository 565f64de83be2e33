"""The verbs of the gate, and their output lines.

Public: `GATE`, `gate_lines`, `finding_lines`, `check_lines`, `GateRegistry`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from fragments.cli.verb_table import Verb, argument

WAIVE = (
    "Make a rule of the gate a warning for one fragment, until `enforce`: what breaks it is said, and published. "
    "For those who operate the shell; it stands in the audit with the reason."
)
_KEEPS_FROM = {"publish": "not published", "live": "on trial at most", "nothing": "said"}


class GateRegistry(Protocol):
    """The registry operations that these verbs call, local or remote."""

    def rules(self, name: str) -> Any: ...
    def waive(self, name: str, rule: str, reason: str) -> Any: ...
    def enforce(self, name: str, rule: str) -> Any: ...


_RULE = argument("rule", metavar="RULE", help="as `rules` names it")
GATE: dict[str, Verb] = {
    "rules": Verb(
        "what a fragment's releases are held to, and what is waived", lambda registry, given: registry.rules(given.name)
    ),
    "waive": Verb(
        "make a rule a warning for a fragment",
        lambda registry, given: registry.waive(given.name, given.rule, given.reason),
        (_RULE, argument("--reason", required=True, metavar="WHY", help="for the audit")),
        WAIVE,
    ),
    "enforce": Verb(
        "hold a fragment to a rule again",
        lambda registry, given: registry.enforce(given.name, given.rule),
        (_RULE,),
    ),
}


def gate_lines(verb: str, name: str, answer: Any) -> Iterator[str]:
    """Lines about the answer to a verb of these."""
    if verb == "rules":
        for each in answer:
            broken = f"waived by {each['waived_by']}: {each['waived']}" if each["waived"] else ""
            yield f"{each['rule']:18}{_KEEPS_FROM[each['keeps_from']]:17}{broken or each['summary']}"
    elif not answer["changed"]:
        yield f"unchanged {name}: it is so already"
    elif verb == "waive":
        rule = answer["rule"]
        yield f"{rule} is a warning for {name}; to hold it to it again: fragment enforce {name} {rule}"
    else:
        yield f"{name} is held to {answer['rule']} again"


def check_lines(check: dict[str, Any] | None) -> Iterator[str]:
    """The gate's findings about one release, with what pages show while its origin fails."""
    if check is None:
        return
    moment = f"{check['at'][:10]} {check['at'][11:16]}"
    yield f"check of {check['version']} ({check['digest'][:12]}), {moment} UTC:"
    for each in check["rehearsals"]:
        rows = ", ".join(f"{fault}: {shown}" for fault, shown in each["shown"].items())
        yield f"  while its origin fails, {each['where']} shows {rows}"
    yield from finding_lines(check["findings"]) if check["findings"] else ["  nothing was found"]


def finding_lines(findings: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Two lines for each finding: what is wrong and where, and what to do."""
    for each in findings:
        place = f" ({each['place']})" if each["place"] else ""
        waived = f" [waived: {each['waived']}]" if each["waived"] else ""
        yield f"  {each['level'].upper()} {each['rule']} {each['field']}{place}: {each['message']}{waived}"
        yield f"    -> {each['remedy']}"
