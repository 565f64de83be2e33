"""The format of drill files: what must hold, what is broken, what is expected of slots, siblings, page and money.

Public: `Drill`, `Hypothesis`, `Probe`, `Step`, `Expect`, `SlotExpectation`, `SiblingExpectation`, `PageExpectation`,
`MoneyExpectation`, `Abort`, `STATES`, `SCOPES`, `schema`.

These structs are the only description of the format: the loader uses them, and `files/drill.schema.json` is made from
them. Seconds count from the start of the method.
"""

import json
from typing import Annotated, Any, Literal

import msgspec

State = Literal["fresh", "degraded", "stale", "fallback", "placeholder"]
STATES: tuple[str, ...] = State.__args__  # type: ignore[attr-defined]
Scope = Literal["everyone", "session"]
SCOPES: tuple[str, ...] = Scope.__args__  # type: ignore[attr-defined]
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9*][a-z0-9:*_/-]{0,79}$")]
Words = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Topic = Annotated[str, msgspec.Meta(pattern=r"^[a-z][\w.-]{0,79}$")]
Path = Annotated[str, msgspec.Meta(pattern=r"^/[^\s]{0,200}$")]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=3600)]
Ms = Annotated[int, msgspec.Meta(ge=1, le=600_000)]
Act = Literal["deposit", "bet", "visit", "request", "listen", "result"]

HEALS_WITHIN_S = 10.0
PAGE_WITHIN_MS = 2000


class Probe(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One check of the steady system, with its tolerance. It has exactly one of `page`, `slot` and `ledger`.

    `page`: it answers `status` within `within_ms`. `slot`: it is in one of `state`. `ledger`: the ledger's audit
    passes; only for a copy that runs on this machine.
    """

    page: Path | None = None
    status: Annotated[int, msgspec.Meta(ge=100, le=599)] = 200
    within_ms: Ms = PAGE_WITHIN_MS
    slot: Name | None = None
    state: list[State] = msgspec.field(default_factory=lambda: ["fresh"])
    ledger: Literal["sound"] | None = None

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.page, self.slot, self.ledger)) != 1:
            raise ValueError("a probe asks for exactly one of page, slot and ledger")

    @property
    def name(self) -> str:
        if self.page is not None:
            return f"{self.page} answers {self.status} within {self.within_ms} ms"
        return f"{self.slot} is {' or '.join(self.state)}" if self.slot is not None else "the ledger is sound"


class Hypothesis(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What holds before the fault, and again after it. Without probes: the page answers 200, and every named slot is
    fresh."""

    title: Words = "The page stands whole, and every slot is fresh"
    probes: list[Probe] = []


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One step. It has exactly one of `hop`, `provider` and `act`.

    `hop` with `fault` breaks the hop from a caller to a process (`*:valkey`: from every caller), `with` has the fault's
    parameters. `provider` with `fault` switches a sandbox provider to fail. `act` is something that a player does:
    `deposit` (`amount`), `bet` (`table`, `side`, `stake`), `visit` (`visitors` load the page for `for_s`), `request`
    (`path` is requested twice a second for `for_s`, or `form` is posted to it; `over` names a hop from browsers to send
    it over instead of the page's, without cookies), `listen` (opens the live socket as a page does, again if it is
    closed, and follows `topics` for `for_s`); or it sets the next result of a `table`: `result` (`value`). A step that
    `follows` begins `after_s` after the end of the one before it; all others count from the start.
    """

    hop: Name | None = None
    provider: Name | None = None
    act: Act | None = None
    fault: Name = ""
    parameters: dict[str, int | str] = msgspec.field(default_factory=dict, name="with")
    after_s: Seconds = 0
    follows: bool = False
    for_s: Annotated[float, msgspec.Meta(gt=0, le=3600)] = 10
    scope: Scope | None = None
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1
    upstream: bool = False
    amount: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,7}([.][0-9]{1,2})?$")] = "20"
    table: Name = "205"
    side: Literal["red", "black"] = "red"
    stake: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 200
    value: Annotated[str, msgspec.Meta(max_length=16)] = ""
    visitors: Annotated[int, msgspec.Meta(ge=1, le=500)] = 20
    path: Path = "/"
    form: dict[str, str] = {}
    over: Name = ""
    topics: Annotated[list[Topic], msgspec.Meta(max_length=32)] = []

    def __post_init__(self) -> None:
        if sum(each is not None for each in (self.hop, self.provider, self.act)) != 1:
            raise ValueError("a step has exactly one of hop, provider and act")
        if bool(self.fault) == (self.act is not None):
            raise ValueError("a step that breaks a hop or a provider names its fault, and one that acts has none")

    @property
    def name(self) -> str:
        if self.act is not None:
            return {
                "deposit": f"deposit {self.amount}",
                "bet": f"bet {self.stake} minor units on {self.side} at table {self.table}",
                "visit": f"{self.visitors} visitors load the page for {self.for_s:g} s",
                "request": f"{'send a form to' if self.form else 'ask for'} {self.path} for {self.for_s:g} s",
                "listen": f"hear {len(self.topics)} topics of the live socket for {self.for_s:g} s",
                "result": f"table {self.table} plays {self.value}",
            }[self.act]
        given = " ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.hop or self.provider} {self.fault}{' ' * bool(given)}{given} for {self.for_s:g} s"


class SlotExpectation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A slot that the fault hits: it reaches one of `state` within `within_s`, then heals within `heals_within_s` of
    the fault's end. `reason` (one of) and `words` are checked while it is in that state. With `fresh` among the states
    the slot need not show the fault."""

    state: list[State] = msgspec.field(default_factory=lambda: ["fallback", "stale", "degraded"])
    reason: list[Name] = []
    words: list[Words] = []
    within_s: Seconds = 5
    heals_within_s: Seconds = HEALS_WITHIN_S


class SiblingExpectation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A slot that the fault must not reach. `bytes`: its markup equals the control's. `style`: so does its computed
    style, in a browser. `state`: the only states that it may show. `actions`: forms that it must still have."""

    state: list[State] = msgspec.field(default_factory=lambda: ["fresh"])
    bytes: bool = True
    style: bool = True
    actions: list[Name] = []


class PageExpectation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Every page during the fault. `broken`: the fault is on the page's own hop, and the page has to show it."""

    status: Annotated[int, msgspec.Meta(ge=100, le=599)] = 200
    within_ms: Ms = PAGE_WITHIN_MS
    broken: bool = False


class MoneyExpectation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """By how much one player's money differs at the end, and how many lines the history has gained."""

    change_minor: Annotated[int, msgspec.Meta(ge=-(10**9), le=10**9)] = 0
    lines: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    within_s: Seconds = 30


class Expect(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    slots: dict[Name, SlotExpectation] = {}
    siblings: dict[Name, SiblingExpectation] = {}
    page: PageExpectation = msgspec.field(default_factory=PageExpectation)
    money: MoneyExpectation | None = None
    console_errors: list[Words] = []


class Abort(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """When the runner gives up and heals at once: after so many pages in a row that did not come, or so many control
    pages (without the fault)."""

    pages_failed: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 10
    controls_failed: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5


class Drill(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One drill. `page` is watched, as a visitor or as `player`, who also acts and whose money is measured; with
    `actor` that is another player, whose data no watched page shows. `clock: held` stops the sandbox's clock, so that
    pages that should be equal are. Every hop and provider of the method is always healed at the end; `rollback` may add
    steps of a player after that, one after the other."""

    title: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    description: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    tags: list[Name] = []
    page: Path = "/"
    player: Name | None = None
    actor: Name | None = None
    scope: Scope = "everyone"
    clock: Literal["held", "running"] = "held"
    hypothesis: Hypothesis = msgspec.field(default_factory=Hypothesis)
    method: Annotated[list[Step], msgspec.Meta(min_length=1, max_length=100)]
    expect: Expect
    abort: Abort = msgspec.field(default_factory=Abort)
    rollback: list[Step] = []

    def __post_init__(self) -> None:
        if any(step.act is None for step in self.rollback):
            raise ValueError("rollback: what was broken is healed by itself; its steps are what a player does then")

    @property
    def lasts_s(self) -> float:
        """From the start to the end of the last fault, without the player's own waits."""
        begins = end = 0.0
        for step in self.method:
            begins = step.after_s + (begins if step.follows else 0)
            end = max(end, begins + (0 if step.act in ("deposit", "bet", "result") else step.for_s))
        return end

    @property
    def slots(self) -> list[str]:
        return [*self.expect.slots, *self.expect.siblings]

    def scope_of(self, step: Step) -> str:
        return step.scope or self.scope

    @property
    def probes(self) -> list[Probe]:
        """The hypothesis's probes, or the default ones."""
        return self.hypothesis.probes or [Probe(page=self.page), *(Probe(slot=slot) for slot in self.slots)]


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a drill file."""
    made = msgspec.json.schema(Drill)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A Mullion outage drill", **made}


if __name__ == "__main__":
    print(json.dumps(schema(), indent=1))
