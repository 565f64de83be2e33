"""The verbs about what a release is held to, and their lines.

Public: `add_gate_verbs`, `run_gate_verb`, `say_gate`, `finding_lines`, `check_lines`, `GateRegistry`.
"""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

GATE_VERBS = ("rules", "waive", "enforce")
WAIVE = (
    "Make a rule of the gate a warning for one fragment, until `enforce`: what breaks it is said, and published. "
    "For those who operate the shell; it stands in the audit with the reason."
)
_KEEPS_FROM = {"publish": "not published", "live": "on trial at most", "nothing": "said"}


class GateRegistry(Protocol):
    """What these verbs ask, wherever it is."""

    def rules(self, name: str) -> Any: ...
    def waive(self, name: str, rule: str, reason: str) -> Any: ...
    def enforce(self, name: str, rule: str) -> Any: ...


def add_gate_verbs(verbs: Any) -> None:
    """Adds each verb's parser to `verbs`."""
    _named(verbs, "rules", "what a fragment's releases are held to, and what is waived")
    verb = _named(verbs, "waive", "make a rule a warning for a fragment", WAIVE)
    verb.add_argument("rule", metavar="RULE", help="as `rules` names it")
    verb.add_argument("--reason", required=True, metavar="WHY", help="for the audit")
    verb = _named(verbs, "enforce", "hold a fragment to a rule again")
    verb.add_argument("rule", metavar="RULE", help="as `rules` names it")


def run_gate_verb(registry: GateRegistry, given: Namespace) -> Any:
    """What the registry answers to a verb of these."""
    if given.verb == "rules":
        return registry.rules(given.name)
    if given.verb == "waive":
        return registry.waive(given.name, given.rule, given.reason)
    return registry.enforce(given.name, given.rule)


def say_gate(verb: str, name: str, answer: Any) -> Iterator[str]:
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
    """What the gate said of one release, with what pages show while its origin fails."""
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


def _named(verbs: Any, verb: str, says: str, description: str = "") -> ArgumentParser:
    parser: ArgumentParser = verbs.add_parser(verb, help=says, description=description or None)
    parser.add_argument("name", metavar="NAME", help="the fragment, as the status board names it")
    parser.add_argument("--json", action="store_true", help="what the API answers, as JSON")
    return parser
