"""Answers of the registry, for people.

Public: `say`, `published_lines`, `table`, `moment`, `plain`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from fragments.cli.gate_verbs import check_lines, finding_lines, gate_lines


def published_lines(answer: dict[str, Any], verb: str = "publish") -> Iterator[str]:
    """Lines about a release that was published, or could be."""
    word = "can be published:" if verb == "check" else "published" if answer["changed"] else "unchanged"
    yield f"{word} {answer['fragment']} {answer['version']} ({answer['digest'][:12]}), {answer['trust']}"
    yield from finding_lines(answer["findings"])


def say(verb: str, deed: str, name: str, answer: Any) -> Iterator[str]:
    """Lines about the answer to a verb."""
    match verb, deed:
        case (("hold" | "resume"), _):
            yield _held_or_resumed(verb, name, answer)
        case "rollback", _:
            yield _rolled_back(answer)
        case (("canary" | "promote" | "pause"), _):
            yield _trial(verb, answer)
        case (("rules" | "waive" | "enforce"), _):
            yield from gate_lines(verb, name, answer)
        case "preview", _:
            yield f"{answer['fragment']} {answer['version']}, for one browser of its team, until {_minute(answer)} UTC:"
            yield answer["url"]
        case "outcomes", _:
            yield from _outcomes(answer)
        case "list", _:
            yield from table([_live(each) for each in answer], "nothing is live")
        case "show", _:
            yield from _shown(answer)
        case "diff", _:
            yield from _difference(answer)
        case "audit", _:
            yield from table([_audited(each) for each in answer], f"nothing happened to {name} yet")
        case "token", "make":
            shown = answer["shown"]
            where = f" in {_environment(shown)}" if _environment(shown) else ""
            until = _day(shown["expires_at"])
            yield f"made a token for {shown['fragment']} to {shown['purpose']}{where}, until {until}."
            yield "It is shown this once:"
            yield answer["token"]
        case "token", "list":
            yield from table([_token(each) for each in answer], f"{name} has no tokens")
        case "token", "revoke":
            yield f"revoked {answer['prefix']} {answer['name']}"


def _held_or_resumed(verb: str, name: str, answer: dict[str, Any]) -> str:
    if verb == "hold":
        return f"held {name}; to let go of it: fragment resume {name}" if answer["changed"] else _same(name, verb)
    if not (was := answer["was"]):
        return _same(name, verb)
    return f"resumed {name}, held by {was['actor']} since {moment(was['since'])[:16]} UTC: {was['reason']}"


def _same(name: str, verb: str) -> str:
    why = "it is held for this reason already" if verb == "hold" else "it was not held"
    return f"unchanged {name}: {why}"


def _rolled_back(answer: dict[str, Any]) -> str:
    there = f"{answer['version']} ({answer['digest'][:12]})"
    if not answer["changed"]:
        return f"unchanged {answer['fragment']}: {there} is live"
    return f"{answer['fragment']} is {there} again, after {answer['from_version']} ({answer['from_digest'][:12]})"


def _trial(verb: str, answer: dict[str, Any]) -> str:
    release = f"{answer['version']} ({answer['digest'][:12]}) of {answer['fragment']}"
    if verb == "promote":
        return f"{release} is live for everybody"
    by_itself = "promoted by itself once it has done well" if answer["promotes"] else ""
    if answer["steps"]:
        by_itself = f"step {answer['step']} of {answer['steps']}, then {by_itself}"
    ends = "; " + (answer["held_back"] or by_itself)
    return f"{release} is on trial for {answer['percent']:g} % of visitors{ends.rstrip('; ')}"


def _live(each: dict[str, Any]) -> tuple[str, ...]:
    held = f"held: {each['held']}" if each["held"] else ""
    release = each["fragment"], each["version"], each["digest"][:12], each["trust"]
    return *release, _environment(each), each["manifest_url"], held


def _environment(each: dict[str, Any]) -> str:
    """Empty where the shell is older than environments."""
    return str(each.get("environment", ""))


def _shown(answer: dict[str, Any]) -> Iterator[str]:
    yield from table([_live(answer["shown"])], "")
    yield from _contact(answer["shown"])
    yield from table([_release(each) for each in answer["releases"]], "")
    yield from check_lines(answer["check"])


def _contact(each: dict[str, Any]) -> Iterator[str]:
    """Whom to call, where the fragment says it."""
    labels = {"owner": "owner", "oncall": "on call", "runbook": "runbook"}
    lines = [f"{label}: {each[name]}" for name, label in labels.items() if each.get(name)]
    if lines:
        yield "; ".join(lines)


def _release(each: dict[str, Any]) -> tuple[str, ...]:
    release = "live" if each["live"] else "", each["version"], each["digest"][:12]
    return *release, moment(each["published_at"]), str(each.get("published_by", "")), _content(each)


def _content(each: dict[str, Any]) -> str:
    """What `publish --expect` takes elsewhere."""
    return f"content {each['content'][:12]}" if each.get("content") else ""


def _difference(answer: dict[str, Any]) -> Iterator[str]:
    yield f"from {answer['before']} to {answer['after']}"
    for part in ("manifest", "fallback"):
        if answer[part]:
            yield f"{part}:"
            yield from (f"  {line}" for line in answer[part])
    yield from (f"file + {digest}" for digest in answer["files_added"])
    yield from (f"file - {digest}" for digest in answer["files_removed"])


def _outcomes(answer: dict[str, Any]) -> Iterator[str]:
    counted = ", ".join(f"{count} {state}" for state, count in answer["counts"].items())
    over = f", over {answer['processes']} shell processes" if answer.get("processes", 1) > 1 else ""
    yield f"{answer['fragment']} in the last minute{over}: {counted or 'nobody asked for it'}"
    if answer["at"]:
        why = f" ({answer['reason']}: {answer['detail']})" if answer["reason"] else ""
        yield f"newest: {answer['state']}{why} at {moment(answer['at'])} UTC"
    if answer["breaker"]:
        yield f"breaker: {answer['breaker']}"
    if answer["trial"]:
        yield answer["trial"]
    yield from table([_line(each) for each in answer["lines"]], "every slot was fresh")
    if answer.get("log"):  # a shell before this command has none
        yield "log:"
        yield from table([_logged(each) for each in answer["log"]], "")


def _line(each: dict[str, Any]) -> tuple[str, ...]:
    times = f"{each['times']} x" if each["times"] > 1 else ""
    release = f"{each['version']} {each['role']}".strip()
    took = f"{each['ms']} ms"
    place = (moment(each["at"]), each["slot"], release, each["state"], each["reason"], each["upstream"])
    return *place, took, times, each["detail"]


def _logged(each: dict[str, Any]) -> tuple[str, ...]:
    times = f"{each['times']} x" if each["times"] > 1 else ""
    fields = "  ".join(f"{name}={value}" for name, value in each["fields"].items())
    return moment(each["at"]), each["level"], each["event"], times, fields


def _audited(each: dict[str, Any]) -> tuple[str, ...]:
    return moment(each["at"]), _environment(each), each["actor"], each["action"], each["version"], each["detail"]


def _token(each: dict[str, Any]) -> tuple[str, ...]:
    used = f"used {moment(each['last_used_at'])}" if each["last_used_at"] else "never used"
    holds = each["prefix"], each["name"], each["purpose"], _environment(each), each["state"]
    return *holds, f"until {_day(each['expires_at'])}", used


def _minute(answer: dict[str, Any]) -> str:
    return moment(answer["expires_at"])[:16]


def _day(moment: str) -> str:
    return moment[:10]


def moment(text: str) -> str:
    """A moment of the API, as people read it."""
    return f"{text[:10]} {text[11:19]}"


def plain(text: str) -> str:
    """`text` without control characters that move a terminal's cursor or reverse its text, as
    origins write some of it.
    """
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def table(rows: Sequence[tuple[str, ...]], nothing: str) -> Iterator[str]:
    """`rows` in columns, and `nothing` where there are none."""
    if not rows:
        yield nothing
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
