"""The journal of one drill, as Chaos Toolkit's tools read it, with one member of our own: `mullion`.

Public: `Journal`, `Experiment`, `Hypothesis`, `Activity`, `Step`, `SteadyState`, `SteadyStates`, `Status`, and of
`mullion`: `Findings`, `Expectation`, `Hit`, `Sample`, `Sibling`, `MoneySum`, `Phases`, `EvidenceFile`; `read`,
`write`, `FILE`.

Everything but `mullion` is chaoslib's journal (`chaoslib.run.initialize_run_journal`): moments are ISO 8601 in UTC,
durations seconds. In `mullion` every `…_ms` that is no duration counts from the moment at which the fault was put on,
so that what came before it is negative. One folder holds one run: `run.json` (`run_record.py`) and, for each drill,
`<name>/journal.json` with the files that its evidence names beside it.
"""

import math
from pathlib import Path
from typing import Any, Literal

import msgspec

from tests.drills.evidence.value import Evidence
from tests.drills.verdict import Verdict

FILE = "journal.json"
CHAOSLIB_VERSION = "1.44.0"  # the chaoslib version whose journal this follows
# chaoslib's four; `deviated` is a field of its own beside them
Status = Literal["completed", "failed", "aborted", "interrupted"]


class Activity(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A probe or an action, in the form of Chaos Toolkit's experiments; only probes have a `tolerance`."""

    type: Literal["probe", "action"]
    name: str
    provider: dict[str, Any]
    tolerance: Any = None


class Step(msgspec.Struct, kw_only=True):
    """One activity and its result: chaoslib's `Run`."""

    activity: Activity
    start: str
    end: str
    duration: float
    status: Literal["succeeded", "failed"]
    output: Any = None
    tolerance_met: bool | None = None
    exception: list[str] | None = None


class SteadyState(msgspec.Struct, kw_only=True):
    steady_state_met: bool
    probes: list[Step]


class SteadyStates(msgspec.Struct, kw_only=True):
    before: SteadyState | None = None
    after: SteadyState | None = None
    during: list[SteadyState] = []


class Hypothesis(msgspec.Struct, kw_only=True):
    title: str
    probes: list[Activity] = []


class Experiment(msgspec.Struct, kw_only=True, rename={"hypothesis": "steady-state-hypothesis"}):
    version: str = "1.0.0"
    title: str
    description: str
    tags: list[str] = []
    hypothesis: Hypothesis
    method: list[Activity] = []
    rollbacks: list[Activity] = []


class Expectation(msgspec.Struct, kw_only=True):
    """One expectation of the drill file and what was seen. The verdict is made of these.

    `subject`: `slot promotions`, `sibling wallet`, `page`, `money`, `steady state`. `kind`: `state`, `reason`, `words`,
    `heals`, `bytes`, `style`, `action`, `sum`, `double`, `status`, `time`, `errors`, `axe`. `expected` and `seen` are
    words for a person. `at_ms` is when it was decided, `within_ms` how long it had.
    """

    subject: str
    kind: str
    expected: str
    seen: str
    held: bool
    at_ms: float | None = None
    within_ms: float | None = None


class Sample(msgspec.Struct, kw_only=True):
    """A slot as one page showed it. `state` is empty if the slot was not on the page, or no page came."""

    at_ms: float
    state: str
    reason: str = ""
    version: str = ""
    include_ms: float | None = None
    trace_id: str = ""


class Sibling(msgspec.Struct, kw_only=True):
    """A slot that the fault must not reach, compared with the control: a page loaded at the same moment without the
    fault.

    `control` and `seen` are digests (SHA-256, hex) of what was compared, `difference` is the first one found. `note`
    says that the control changed during the drill.
    """

    slot: str
    compared: Literal["bytes", "style", "picture"]
    control: str
    seen: str
    same: bool
    samples: int = 1
    difference: str = ""
    note: str = ""


class Hit(msgspec.Struct, kw_only=True):
    """How many requests, or connections, a fault at `hop` had an effect on, as the fault proxy counted them. There is
    none for `down`, since nothing listens that could count, nor for a provider that fails by its own switch."""

    hop: str
    fault: str
    count: int
    of: Literal["requests", "connections"]


class MoneySum(msgspec.Struct, kw_only=True):
    """A player's money before and after, in minor units, and the change that the drill expects."""

    player: str
    currency: str
    before_minor: int
    after_minor: int
    expected_change_minor: int = 0
    doubles: int = 0

    @property
    def held(self) -> bool:
        return self.after_minor - self.before_minor == self.expected_change_minor and not self.doubles


class Phases(msgspec.Struct, kw_only=True):
    """Milliseconds; None if it did not happen. `detect`: until a page first showed the fault. `contain`: until every
    slot that was to be hit was on its expected rung and all siblings were fresh. `recover`: from the fault's end until
    every slot was fresh again. `fault`: how long the fault lasted.

    All times of one drill are of one viewer: the `browser` if its page showed the fault, else the `visits` over HTTP.
    Everything that reports how fast a drill was uses these.
    """

    viewer: Literal["browser", "visits"] = "visits"

    fault_ms: float | None = None
    detect_ms: float | None = None
    contain_ms: float | None = None
    recover_ms: float | None = None


class EvidenceFile(msgspec.Struct, kw_only=True):
    """`path` is relative to the journal. `kind`: `picture`, `control`, `trace`, `video`, `html`, `log`, `axe`."""

    path: str
    kind: str
    caption: str = ""
    at_ms: float | None = None


class Findings(msgspec.Struct, kw_only=True):
    """`sentence` is the result for a person. `evidence` is a recorder's; None if no recorder watched. `earlier` has the
    sentences of looks that did not hold and do not count: beside other drills, or with a sibling that was late alone.
    """

    drill: str
    verdict: Verdict
    sentence: str
    story: bool = False
    hop: str = ""
    fault: str = ""
    attributes: dict[str, int | str] = {}
    scope: str = "everyone"
    target: str = ""
    phases: Phases = msgspec.field(default_factory=Phases)
    hits: list[Hit] = []
    slots: dict[str, list[Sample]] = {}
    expectations: list[Expectation] = []
    siblings: list[Sibling] = []
    money: list[MoneySum] = []
    files: list[EvidenceFile] = []
    evidence: Evidence | None = None
    earlier: list[str] = []


class Journal(msgspec.Struct, kw_only=True, rename={"chaoslib_version": "chaoslib-version"}):
    """One drill that was run, or could not be run."""

    chaoslib_version: str = CHAOSLIB_VERSION
    platform: str
    node: str
    experiment: Experiment
    start: str
    status: Status
    deviated: bool
    steady_states: SteadyStates = msgspec.field(default_factory=SteadyStates)
    run: list[Step] = []
    rollbacks: list[Step] = []
    end: str
    duration: float
    mullion: Findings

    def __post_init__(self) -> None:
        if not math.isfinite(self.duration) or self.duration < 0:
            raise ValueError("duration: seconds")
        if self.deviated != (self.mullion.verdict is Verdict.DEVIATED):
            raise ValueError("deviated must say what the verdict says")


def write(journal: Journal, folder: Path) -> Path:
    """Writes the journal to `folder`, atomically; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    draft, file = folder / f"{FILE}.draft", folder / FILE
    draft.write_bytes(msgspec.json.format(msgspec.json.encode(journal)))
    draft.replace(file)
    return file


def read(file: Path) -> Journal:
    """Raises `ValueError` with the place of the error, or `OSError`."""
    return msgspec.json.decode(file.read_bytes(), type=Journal)
