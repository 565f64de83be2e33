"""The cost of containing a body, counted and not measured, so that the verdict is the same on a busy machine.

Each weight is the time that one of its kind took at worst on one idle core; `tests/benchmarks/bench_contain.py` says
whether they still hold (see README beside this file). A body is charged for the longest way that it could take, so what
another body has left in a memory decides nothing either.
Public: `Weights`, `WEIGHTS`, `Spending`, `parsing_ns`, `reading_ns`, `readings_ns_max`.
"""

from dataclasses import dataclass

from bff.resilience.reason import Reason
from shell.composition.contain import css, pattern, values
from shell.composition.contain.check import Check
from shell.composition.contain.limits import Limits
from shell.composition.contain.refusal import Stop

# No address with more of these comes cheaper.
_ESCAPES_MAX = 8
# The references that a shorter body can hold cost too little to be counted.
_SHORT_BYTES = 48 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """Nanoseconds for one of each.

    To parse, walk and write once: a `byte`, a start tag (`opening`), an end tag (`closing`) and what is written as a
    `reference`. To look at once: an `attribute` and, unless it stays whatever it says, each different `value` with its
    characters, of which no check reads more than `value_chars_max`; a picture in a set of them (`candidate`), a
    character of CSS that calls a function and of a pattern count apart, as does an `escape` in an address. A `style`
    that is not plain is parsed, and a relative address `resolved`. `unlisted` is an attribute that its element's list
    does not name; `drawn` an element of drawings that are made of their own parts. To take out one thing: a `change`,
    and what it has inside moves up, a `child` each. `fast_path` is what it takes to read what stands between two end
    tags, and is spent on bodies with at most `fast_path_closings_max` of them.
    """

    byte: int = 20
    opening: int = 2400
    closing: int = 900
    reference: int = 100
    attribute: int = 400
    unlisted: int = 1200
    value: int = 1500
    value_char: int = 100
    value_chars_max: int = 2048
    escape: int = 2500
    candidate: int = 4200
    css: int = 10_000
    css_char: int = 1000
    style: int = 15_000
    style_char: int = 4500
    resolved: int = 6500
    pattern_char: int = 500
    drawn: int = 8000
    change: int = 2700
    child: int = 60
    fast_path: int = 3600
    fast_path_closings_max: int = 2000


WEIGHTS = Weights()


class Spending:
    """What one body has cost so far; raises `Stop` at the charge that goes beyond `limits.cost_ns_max`."""

    __slots__ = ("_max_ns", "_ns")

    def __init__(self, limits: Limits) -> None:
        self._max_ns = limits.cost_ns_max
        self._ns = 0

    @property
    def ns(self) -> int:
        return self._ns

    def affords(self, ns: int) -> bool:
        return self._ns + ns <= self._max_ns

    def charge(self, ns: int, what: str) -> None:
        """Count `ns` more. `what` names where they were spent, in the message to the body's authors."""
        self._ns += ns
        if self._ns > self._max_ns:
            raise Stop(
                Reason.OVERSIZE,
                f"it takes more work than the {self._max_ns / 1e6:g} ms that a body may cost; the rest went to {what}."
                " Show less of it at once",
            )


def parsing_ns(body: bytes, closings: int) -> int:
    """To parse `body` into a tree, look at its elements and write it out again, in the page too."""
    every, references = body.count(b"<"), 0
    if len(body) > _SHORT_BYTES:
        spaces = body.count(b"\xc2\xa0") if b"\xc2" in body else 0
        references = body.count(b"&") + spaces + max(0, body.count(b">") - every)
    return (
        len(body) * WEIGHTS.byte
        + (every - closings) * WEIGHTS.opening
        + closings * WEIGHTS.closing
        + references * WEIGHTS.reference
    )


def reading_ns(check: Check, value: str) -> int:
    """To ask `check` about `value`."""
    if check is values.pictures:
        return WEIGHTS.value + (1 + value.count(",")) * WEIGHTS.candidate
    if check is values.invoked:
        return 2 * WEIGHTS.value + len(value) * WEIGHTS.value_char
    if check is values.drawing and not css.is_quick(value):
        return WEIGHTS.css + len(value) * WEIGHTS.css_char
    per_char = WEIGHTS.pattern_char if check is pattern.bearable else WEIGHTS.value_char
    escapes = min(value.count("%"), _ESCAPES_MAX) * WEIGHTS.escape if "%" in value else 0
    return WEIGHTS.value + min(len(value), WEIGHTS.value_chars_max) * per_char + escapes


def readings_ns_max(written: bytes) -> int:
    """At most what all attributes of `written` cost, which a serialiser has written and no drawing is in."""
    ns = written.count(b"=") * (WEIGHTS.attribute + WEIGHTS.unlisted + WEIGHTS.value)
    ns += len(written) * WEIGHTS.value_char + written.count(b",") * WEIGHTS.candidate
    if b"%" in written:
        ns += written.count(b"%") * WEIGHTS.escape
    return ns + len(written) * WEIGHTS.pattern_char if b" pattern=" in written else ns
