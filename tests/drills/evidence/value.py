"""The evidence of one drill: plain values, as the journal stores them and the report draws them.

Public: `Evidence`, `Transition`, `Picture`, `ConsoleError`, `AxeViolation`, `AxeRun`, `SiblingDigest`, `Difference`,
`ActionCheck`, `ServerTiming`, `LogLine`, `File`, `Moment`, `Viewer`, `MOMENTS`.

All `at_ms` are milliseconds since `Evidence.began_at`, by a monotonic clock of this machine. Paths are relative to the
folder of the evidence, which has the drill's journal, with forward slashes. All text may come from a fragment, a page
or a log: it is not trusted, and the report escapes it.
"""

from typing import Literal

import msgspec

Moment = Literal["before", "during", "after"]
MOMENTS: tuple[Moment, ...] = ("before", "during", "after")
# The tester's page carries the session's mark if there is one; the control page carries none.
Viewer = Literal["tester", "control"]
Recording = Literal["browser"]
FileKind = Literal["picture", "trace", "video"]


class Transition(msgspec.Struct, frozen=True):
    """From `at_ms` on a viewer's slot was in this state. `words` is the visible text of the slot, cut to a maximum
    length.

    `state` is the slot's `data-state`, or `absent` while the page has no such slot; `reason` its `data-reason`, empty
    if fresh. `load` counts the loads of the page from 1, so that a change within one load is known to have come without
    a reload.
    """

    at_ms: int
    slot: str
    state: str
    reason: str = ""
    words: str = ""
    viewer: Viewer = "tester"
    load: int = 1


class Picture(msgspec.Struct, frozen=True):
    """A screenshot of the whole page. `places` is the rectangle of each slot in it: left, top, width, height."""

    moment: Moment
    viewer: Viewer
    at_ms: int
    path: str
    width: int
    height: int
    places: dict[str, tuple[int, int, int, int]] = {}


class ConsoleError(msgspec.Struct, frozen=True):
    """An error in the browser's console, or a script's uncaught exception."""

    at_ms: int
    viewer: Viewer
    text: str


class AxeViolation(msgspec.Struct, frozen=True):
    """A rule of WCAG 2.2 AA that the page breaks. `impact`: minor, moderate, serious or critical."""

    rule: str
    impact: str
    help: str
    elements: tuple[str, ...] = ()


class AxeRun(msgspec.Struct, frozen=True):
    """Axe's findings on the tester's page at one moment; no violations means that axe ran and found none."""

    moment: Moment
    violations: tuple[AxeViolation, ...] = ()


class Difference(msgspec.Struct, frozen=True):
    """One difference between tester and control: its kind, its place, and both values, cut to a maximum length."""

    aspect: Literal["bytes", "text", "style"]
    where: str
    tester: str
    control: str


class ActionCheck(msgspec.Struct, frozen=True):
    """A form, link or button of a sibling, and whether it is usable: visible, enabled and not covered."""

    name: str
    works: bool
    detail: str = ""


class SiblingDigest(msgspec.Struct, frozen=True):
    """One slot that the fault must not touch, compared with the same slot of the control.

    `against` names the control: `beside` is a page without the mark, loaded at the same moment; `before` is the
    tester's own page before the fault, `after` the one after it. `note` says why the comparison was repeated. Bytes are
    those of the normalised HTML; `digest` and `control_digest` are the first 16 hex digits of its SHA-256.
    `bytes_differ` and the styles are None if not measured. `masked` counts the volatile values that were replaced
    before the comparison.
    """

    slot: str
    moment: Moment
    against: Literal["beside", "before", "after"]
    bytes: int
    control_bytes: int
    bytes_differ: int
    digest: str
    control_digest: str
    text_same: bool
    state: str
    control_state: str
    masked: int = 0
    styled_elements: int | None = None
    styles_differ: int | None = None
    actions: tuple[ActionCheck, ...] = ()
    differences: tuple[Difference, ...] = ()
    note: str = ""

    @property
    def same(self) -> bool:
        """Whether nothing that was measured differs, and every action is still possible."""
        return (
            self.bytes_differ == 0
            and self.text_same
            and self.state == self.control_state
            and not self.styles_differ
            and all(action.works for action in self.actions)
        )


class ServerTiming(msgspec.Struct, frozen=True):
    """One entry of a `Server-Timing` header, or a slot's `data-ms` if the header was sent before the slot was ready."""

    at_ms: int
    viewer: Viewer
    slot: str
    ms: float
    state: str = ""


class LogLine(msgspec.Struct, frozen=True):
    """A log line of any process that contains the trace id of a tester's request."""

    process: str
    trace_id: str
    text: str


class File(msgspec.Struct, frozen=True):
    """A file of the evidence; `bytes` is its size."""

    kind: FileKind
    path: str
    media_type: str
    bytes: int


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """The evidence of one recorder.

    `broken_slots` are the slots that the fault may touch; all others are siblings. How fast the fault was seen,
    contained and healed follows from the timeline (`figures.py`). `missing` has, for each kind of evidence that was not
    taken, the reason.
    """

    recording: Recording
    base_url: str
    path: str
    began_at: str
    ended_at: str
    broken_slots: tuple[str, ...] = ()
    fault_began_ms: int | None = None
    fault_ended_ms: int | None = None
    loads: int = 0
    statuses: dict[str, int] = {}
    trace_ids: tuple[str, ...] = ()
    timeline: tuple[Transition, ...] = ()
    pictures: tuple[Picture, ...] = ()
    console_errors: tuple[ConsoleError, ...] = ()
    axe: tuple[AxeRun, ...] = ()
    siblings: tuple[SiblingDigest, ...] = ()
    server_timings: tuple[ServerTiming, ...] = ()
    log_lines: tuple[LogLine, ...] = ()
    files: tuple[File, ...] = ()
    missing: dict[str, str] = {}
