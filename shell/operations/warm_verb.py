"""`manage.py fragment warm`: a function's environments are warm before a final starts.

Public: `add_warm_verb`, `run_warm_verb`.
"""

from argparse import ArgumentTypeError
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shell.composition.release import WarmUp
from shell.registry.warm_ups import cancel_warm_up, coming_warm_ups, plan_warm_up

WARM = (
    "Have environments of a function warm before a moment, because a final starts: from so many minutes before it "
    "until then, every two minutes, so many requests are made at once. Without --at: say what is planned. Running "
    "shells follow within a second; the status board shows it. Example: "
    'fragment warm wallet --at 2026-07-19T20:00Z --environments 50 --why "the final"'
)


def add_warm_verb(verbs: Any) -> None:
    """Add it beside the others."""
    verb = verbs.add_parser("warm", help="have a function's environments warm before a moment", description=WARM)
    verb.add_argument("name", metavar="NAME", help="the fragment, as the status board names it")
    verb.add_argument("--at", type=moment, metavar="TIME", help="such as 2026-07-19T20:00Z or with +02:00")
    verb.add_argument("--environments", type=int, default=10, metavar="N", help="how many; 10 without it")
    verb.add_argument("--minutes-before", type=int, default=10, metavar="N", help="10 without it")
    verb.add_argument("--why", default="", help="one line for the board and the audit")
    verb.add_argument("--cancel", action="store_true", help="take the one of --at out of the calendar")


def run_warm_verb(options: Mapping[str, Any], *, actor: str) -> list[str]:
    """Run the verb and return its output lines; raises `WarmUpRefused`."""
    name, at, now = options["name"], options["at"], datetime.now(UTC)
    if at is None:
        return [_line(each) for each in coming_warm_ups(now, name)] or [f"nothing is planned for {name}"]
    if options["cancel"]:
        gone = cancel_warm_up(name, at, actor=actor)
        return [f"cancelled {name} at {at:%Y-%m-%d %H:%M} UTC" if gone else "unchanged: nothing is planned for then"]
    planned = WarmUp(name, at, options["environments"], options["minutes_before"], options["why"])
    changed = plan_warm_up(planned, actor=actor, now=now)
    return [_line(planned) if changed else f"unchanged: {_line(planned)}"]


def moment(written: str) -> datetime:
    """UTC, to the minute; argparse prints the error to the user."""
    try:
        found = datetime.fromisoformat(written)
    except ValueError as error:
        raise ArgumentTypeError(f"{written[:40]!r} is no moment; write 2026-07-19T20:00Z") from error
    if found.tzinfo is None:
        raise ArgumentTypeError(f"{written[:40]!r} has no zone; write {written[:40]}Z for UTC")
    return found.astimezone(UTC).replace(second=0, microsecond=0)


def _line(each: WarmUp) -> str:
    why = f", for {each.why}" if each.why else ""
    return (
        f"{each.fragment}: {each.environments} environments warm from {each.begins_at:%Y-%m-%d %H:%M} until "
        f"{each.at:%H:%M} UTC{why}"
    )
