"""Rules of the gate that operators made warnings for one fragment, and what the gate found in a release.

Public: `waive`, `enforce`, `list_rules`, `waived_rules`, `store_assessment`, `assessment_of`, `errors_before_live`,
`WaiverRefused`, `RuleView`, `FindingView`, `CheckView`, `RehearsalView`.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from shell.registry import models
from shell.registry.gate.assess import Assessed, errors_before
from shell.registry.gate.findings import Finding, Level
from shell.registry.gate.rules import Rule, Stage, is_waivable, stage_of, summary_of
from shell.registry.serialized import serialized

REASON_CHARS_MAX = 200


class WaiverRefused(Exception):
    """The message says why, and that nothing was changed."""


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule as it holds for one fragment. `keeps_from` is `publish`, `live` or `nothing`."""

    rule: Rule
    summary: str
    keeps_from: str
    waivable: bool
    waived: str
    waived_by: str


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as it counts: what was waived is a warning, and says so."""

    rule: str
    level: str
    field: str
    place: str
    message: str
    remedy: str
    waived: str = ""


@dataclass(frozen=True, slots=True)
class RehearsalView:
    """What pages show of one slot while its origin fails, by the name of the fault."""

    where: str
    shown: dict[str, str]


@dataclass(frozen=True, slots=True)
class CheckView:
    """The gate's findings about a release at its last publish."""

    version: str
    digest: str
    at: datetime
    findings: list[FindingView]
    rehearsals: list[RehearsalView]


def list_rules(fragment: str) -> list[RuleView]:
    """Every rule, and whether it is waived for `fragment`."""
    waivers = {row.rule: row for row in models.Waiver.objects.filter(fragment=fragment)}
    return [
        RuleView(
            rule=rule,
            summary=summary_of(rule),
            keeps_from=stage_of(rule).name.lower(),
            waivable=is_waivable(rule),
            waived=waivers[rule].reason if rule in waivers else "",
            waived_by=waivers[rule].actor if rule in waivers else "",
        )
        for rule in Rule
    ]


def waived_rules(fragment: str) -> dict[Rule, str]:
    """The rules that are warnings for `fragment`, each with why."""
    return {Rule(row.rule): row.reason for row in models.Waiver.objects.filter(fragment=fragment)}


@serialized
def waive(fragment: str, rule: str, *, reason: str, actor: str) -> bool:
    """Make `rule` a warning for `fragment`; False where it is one for this reason. Raises `WaiverRefused`."""
    words = " ".join(reason.split())
    if not 1 <= len(words) <= REASON_CHARS_MAX:
        raise WaiverRefused(f"a reason has 1 to {REASON_CHARS_MAX} characters; nothing was changed.")
    named = _rule(rule)
    if not is_waivable(named):
        why = "it keeps no release back" if stage_of(named) is Stage.NOTHING else "such a release can not be copied"
        raise WaiverRefused(f"{named} can not be made a warning: {why}. Nothing was changed.")
    row = models.Waiver.objects.filter(fragment=fragment, rule=named).first()
    if row is not None and row.reason == words:
        return False
    models.Waiver.objects.update_or_create(fragment=fragment, rule=named, defaults={"reason": words, "actor": actor})
    _audit(actor, "rule_waived", fragment, f"{named}: {words}")
    return True


@serialized
def enforce(fragment: str, rule: str, *, actor: str) -> bool:
    """Hold `fragment` to `rule` again; False where it is held to it."""
    named = _rule(rule)
    deleted, _ = models.Waiver.objects.filter(fragment=fragment, rule=named).delete()
    if deleted:
        _audit(actor, "rule_enforced", fragment, named)
    return bool(deleted)


def store_assessment(release: models.Release, assessed: Assessed, now: datetime) -> None:
    """Store the findings, for `show` and for a later promotion."""
    rehearsals = [
        {"where": each.where, "shown": {row.fault.name: _shown(row.state, row.heals) for row in each.rows}}
        for each in assessed.rehearsals
    ]
    models.Assessment.objects.update_or_create(
        release=release,
        defaults={"at": now, "findings": [asdict(each) for each in assessed.findings], "rehearsals": rehearsals},
    )


def assessment_of(release: models.Release) -> CheckView | None:
    """None for a release of before there was a gate."""
    row = models.Assessment.objects.filter(release=release).first()
    if row is None:
        return None
    waived = waived_rules(release.fragment)
    return CheckView(
        version=release.version,
        digest=release.digest,
        at=row.at,
        findings=views_of(_findings(row), waived),
        rehearsals=[RehearsalView(each["where"], each["shown"]) for each in row.rehearsals],
    )


def errors_before_live(release: models.Release) -> list[Finding]:
    """What keeps `release` from being live for everybody, as of what was found in it and is waived."""
    row = models.Assessment.objects.filter(release=release).first()
    findings = _findings(row) if row is not None else []
    if row is None and not bytes(release.fallback):
        remedy = "Publish a release that has one."
        findings = [Finding(Rule.FALLBACK_MISSING, Level.ERROR, "fallback", "there is none", remedy, "manifest.json")]
    return errors_before(findings, Stage.LIVE, waived_rules(release.fragment))


def views_of(findings: Sequence[Finding], waived: dict[Rule, str]) -> list[FindingView]:
    """Findings as they count with these waivers."""
    return [
        FindingView(
            rule=each.rule,
            level=Level.WARNING if each.level is Level.ERROR and each.rule in waived else each.level,
            field=each.field,
            place=each.place,
            message=each.message,
            remedy=each.remedy,
            waived=waived.get(each.rule, "") if each.level is Level.ERROR else "",
        )
        for each in findings
    ]


def _findings(row: models.Assessment) -> list[Finding]:
    return [Finding(**{**each, "rule": Rule(each["rule"]), "level": Level(each["level"])}) for each in row.findings]


def _rule(text: str) -> Rule:
    try:
        return Rule(text)
    except ValueError as error:
        there = ", ".join(rule for rule in Rule if is_waivable(rule))
        raise WaiverRefused(
            f"{text[:64]!r} is no rule; these can be made warnings: {there}. Nothing was changed."
        ) from error


def _shown(state: str, heals: bool) -> str:
    return str(state) if heals else f"{state}, and does not heal"


def _audit(actor: str, action: str, fragment: str, detail: str) -> None:
    models.AuditEntry.objects.create(actor=actor, action=action, fragment=fragment, detail=detail, changes_pages=False)
