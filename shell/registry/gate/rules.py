"""The rules that a release is held to, each with what it keeps a release from.

Public: `Rule`, `Stage`, `stage_of`, `is_waivable`, `summary_of`.
"""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Stage(IntEnum):
    """What an error of a rule keeps a release from: being published at all, being live for everybody, or nothing."""

    PUBLISH = 0
    LIVE = 1
    NOTHING = 2


class Rule(StrEnum):
    """What a finding is about."""

    MANIFEST = "manifest"
    ADDRESS = "address"
    FILE = "file"
    NAME = "name"
    FALLBACK_MISSING = "fallback-missing"
    FALLBACK_REFUSED = "fallback-refused"
    SURVIVAL = "survival"
    STALE_COPY = "stale-copy"
    CONTENT_REFUSED = "content-refused"
    CONTENT_AWAY = "content-away"
    CONTENT_DEGRADED = "content-degraded"
    CONTENT_ALTERED = "content-altered"
    VERSION = "version"
    COOKIE = "cookie"
    CACHING = "caching"
    TIME_BUDGET = "time-budget"
    BODY_BUDGET = "body-budget"
    FILES_BUDGET = "files-budget"
    ALT = "a11y-alt"
    CONTROL_NAME = "a11y-name"
    LABEL = "a11y-label"
    HEADING = "a11y-heading"
    LANG = "a11y-lang"
    AXE = "a11y-browser"
    SCRIPT_ERROR = "script-error"
    BROWSER_REFUSES = "browser-refuses"
    OVERFLOW = "overflow"


@dataclass(frozen=True, slots=True)
class _Row:
    """`waivable`: operators may make it a warning. What could not be copied can not be waved through."""

    stage: Stage
    summary: str
    waivable: bool = True


_ROWS = {
    Rule.MANIFEST: _Row(Stage.PUBLISH, "the manifest can be read, and says what it may", waivable=False),
    Rule.ADDRESS: _Row(Stage.PUBLISH, "nothing is fetched but from where operators allow", waivable=False),
    Rule.FILE: _Row(Stage.PUBLISH, "each file that it reaches is there, of its kind and size", waivable=False),
    Rule.NAME: _Row(Stage.PUBLISH, "its name, version and names in the document are its own", waivable=False),
    Rule.FALLBACK_MISSING: _Row(Stage.LIVE, "there is a fallback, and somebody can read it"),
    Rule.FALLBACK_REFUSED: _Row(Stage.PUBLISH, "a page can show the fallback", waivable=False),
    Rule.SURVIVAL: _Row(Stage.LIVE, "while its origin fails in any way a page shows something of its own, and heals"),
    Rule.STALE_COPY: _Row(Stage.NOTHING, "what it declares of stale copies can come true"),
    Rule.CONTENT_REFUSED: _Row(Stage.PUBLISH, "a page can show what it answers"),
    Rule.CONTENT_AWAY: _Row(Stage.NOTHING, "it answers while it is looked at"),
    Rule.CONTENT_DEGRADED: _Row(Stage.NOTHING, "it is well while it is looked at"),
    Rule.CONTENT_ALTERED: _Row(Stage.NOTHING, "a page shows all of what it answers"),
    Rule.VERSION: _Row(Stage.NOTHING, "answers say the manifest's version"),
    Rule.COOKIE: _Row(Stage.NOTHING, "answers set no cookies"),
    Rule.CACHING: _Row(Stage.NOTHING, "cache-control does what its authors think"),
    Rule.TIME_BUDGET: _Row(Stage.NOTHING, "it answers well within the time that pages wait"),
    Rule.BODY_BUDGET: _Row(Stage.PUBLISH, "an answer is smaller than what is read of it"),
    Rule.FILES_BUDGET: _Row(Stage.PUBLISH, "what each page loads of it is small enough"),
    Rule.ALT: _Row(Stage.PUBLISH, "a picture says what it shows, or that it only decorates"),
    Rule.CONTROL_NAME: _Row(Stage.PUBLISH, "buttons, links and frames have a name that can be read out"),
    Rule.LABEL: _Row(Stage.PUBLISH, "a field says what belongs into it"),
    Rule.HEADING: _Row(Stage.NOTHING, "headings have words, and skip no level"),
    Rule.LANG: _Row(Stage.PUBLISH, "lang is a language"),
    Rule.AXE: _Row(Stage.NOTHING, "a browser finds nothing that keeps people out"),
    Rule.SCRIPT_ERROR: _Row(Stage.NOTHING, "its scripts throw nothing"),
    Rule.BROWSER_REFUSES: _Row(Stage.NOTHING, "it asks a browser for nothing that pages do not let through"),
    Rule.OVERFLOW: _Row(Stage.NOTHING, "it is no wider than its place"),
}


def stage_of(rule: Rule) -> Stage:
    """What an error of `rule` keeps a release from."""
    return _ROWS[rule].stage


def is_waivable(rule: Rule) -> bool:
    """Whether operators may make it a warning: nothing else is of any use."""
    row = _ROWS[rule]
    return row.waivable and row.stage is not Stage.NOTHING


def summary_of(rule: Rule) -> str:
    """What holds where the rule is kept."""
    return _ROWS[rule].summary
