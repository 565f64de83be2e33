"""The verbs of the admin: each calls the function that the API and the command line call, with the same audit.

Public: `Verb`, `VerbInput`, `FRAGMENT`, `TRIAL`, `TOKEN`, `WAIVER`, `PAGE`, `REFUSALS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shell.composition.page import PagesBroken
from shell.composition.release import Trust
from shell.operations import page_changes
from shell.registry import holds, models, rollout, tokens, waivers
from shell.registry.history import NotFound
from shell.registry.page_revisions import PageRefused
from shell.registry.registrations import RegistrationRefused, set_origins, set_trust_of_live
from shell.registry.rollback import RollbackRefused, roll_back

# Each message says what is wrong, and that nothing was changed.
REFUSALS = (
    holds.HoldRefused,
    NotFound,
    PageRefused,
    PagesBroken,
    RegistrationRefused,
    RollbackRefused,
    rollout.RolloutRefused,
    tokens.TokenRefused,
    waivers.WaiverRefused,
)


@dataclass(frozen=True, slots=True)
class VerbInput:
    """The input of a verb: the operator, the time, and the values of the form beside it."""

    actor: str
    now: datetime
    reason: str = ""
    origins: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class Verb:
    """`run` applies the verb to one row and returns the result as one sentence."""

    name: str
    says: str
    run: Callable[[Any, VerbInput], str]


def _word(changed: bool, did: str) -> str:
    return did if changed else f"unchanged: {did} already"


def _hold(row: models.LiveRelease, given: VerbInput) -> str:
    return _word(holds.hold(row.fragment, reason=given.reason, actor=given.actor), f"{row.fragment} is held")


def _resume(row: models.LiveRelease | models.Hold, given: VerbInput) -> str:
    was = holds.resume(row.fragment, actor=given.actor)
    return _word(was is not None, f"{row.fragment} is not held")


def _trust(trust: Trust) -> Callable[[models.LiveRelease, VerbInput], str]:
    def run(row: models.LiveRelease, given: VerbInput) -> str:
        changed = set_trust_of_live(row.fragment, trust, actor=given.actor)
        return _word(changed, f"{row.fragment} is {trust}")

    return run


def _origins(row: models.LiveRelease | models.Registration, given: VerbInput) -> str:
    origins = given.origins.split()
    changed = set_origins(row.fragment, origins, actor=given.actor)
    return _word(changed, f"{row.fragment} is published from {' '.join(origins) or 'where nobody else is'}")


def _waive(row: models.LiveRelease, given: VerbInput) -> str:
    changed = waivers.waive(row.fragment, given.rule, reason=given.reason, actor=given.actor)
    return _word(changed, f"{given.rule} is a warning for {row.fragment}")


def _enforce(row: models.Waiver, given: VerbInput) -> str:
    return _word(waivers.enforce(row.fragment, row.rule, actor=given.actor), f"{row.fragment} is held to {row.rule}")


def _roll_back(row: models.LiveRelease | models.Rollout, given: VerbInput) -> str:
    moved = roll_back(row.fragment, to="", reason=given.reason, actor=given.actor, now=given.now)
    return f"{moved.fragment} is {moved.version} ({moved.digest[:12]}), after {moved.from_version}"


def _promote(row: models.Rollout, given: VerbInput) -> str:
    view = rollout.promote(row.fragment, actor=given.actor, now=given.now, why=given.reason)
    return f"{view.version} of {view.fragment} is live for everybody"


def _pause(row: models.Rollout, given: VerbInput) -> str:
    view = rollout.pause(row.fragment, actor=given.actor, why=given.reason)
    return f"{view.version} of {view.fragment} stays at {view.percent:g} %"


def _revoke(row: models.Token, given: VerbInput) -> str:
    view = tokens.revoke_token(row.fragment, row.prefix, actor=given.actor, now=given.now)
    return f"{view.name} [{view.prefix}] of {view.fragment} is {view.state}"


def _roll_back_page(row: models.LivePage, given: VerbInput) -> str:
    moved = page_changes.roll_back(
        row.page,
        to=None,
        reason=given.reason,
        file=page_changes.read_file(),
        operator=True,
        actor=given.actor,
        now=given.now,
    )
    return f"{moved.page} is {f'revision {moved.revision}' if moved.revision else 'as the pages table has it'}"


_ROLL_BACK = Verb("roll_back", "Roll back to the release before, or end its trial", _roll_back)
ORIGINS = Verb("set_origins", "Publish it from these origins alone", _origins)
RESUME = Verb("resume", "Let go of it", _resume)
FRAGMENT = (
    Verb("hold", "Hold: no page asks it for anything", _hold),
    RESUME,
    _ROLL_BACK,
    Verb("trust", "Trust it: its scripts run in pages", _trust(Trust.FIRST_PARTY)),
    Verb("sandbox", "Do not trust it", _trust(Trust.SANDBOXED)),
    ORIGINS,
    Verb("waive", "Make this rule a warning for it", _waive),
)
TRIAL = (
    Verb("promote", "Promote it: live for everybody", _promote),
    Verb("pause", "Pause it: its share stays", _pause),
    _ROLL_BACK,
)
TOKEN = (Verb("revoke", "Revoke at once", _revoke),)
WAIVER = (Verb("enforce", "Hold the fragment to it again", _enforce),)
PAGE = (Verb("roll_back", "Roll back to the revision before", _roll_back_page),)
