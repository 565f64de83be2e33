"""The switches: every fault by its name.

Public: `Fault`, `FAULTS`, `Switch`, `parse`.

A fault is `name` or `name=argument`. Most are an answer; some change the listener itself, because nothing can be
answered on a connection that never came to be.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum

from tests.origin.exchange import Exchange

Answer = Callable[[Exchange], Awaitable[None]]


class Listener(Enum):
    """What happens to those who connect."""

    OPEN = "accepts"
    REFUSING = "nothing listens"
    BLACK_HOLE = "the backlog is full, packets are dropped"
    NO_HANDSHAKE = "accepts, but never shakes hands for TLS"


@dataclass(frozen=True)
class Fault:
    """One switch. `arguments` are the values it takes, the first by default; empty when any number will do."""

    name: str
    claim: str
    answer: Answer | None = None
    listener: Listener = Listener.OPEN
    certificate: str = "good"
    arguments: tuple[str, ...] = ()
    default: str = ""


FAULTS: dict[str, Fault] = {}


@dataclass(frozen=True)
class Switch:
    """A fault that is on, for paths that start with `at`."""

    fault: Fault
    argument: str = ""
    at: str = "/"

    def __str__(self) -> str:
        return f"{self.fault.name}={self.argument}" if self.argument else self.fault.name


def fault(name: str, *, arguments: tuple[str, ...] = (), default: str = "") -> Callable[[Answer], Answer]:
    """Register an answer under `name`; its docstring is the claim."""

    def register(answer: Answer) -> Answer:
        claim = (answer.__doc__ or "").strip()
        FAULTS[name] = Fault(name, claim, answer, arguments=arguments, default=default or next(iter(arguments), ""))
        return answer

    return register


def parse(text: str, at: str = "/") -> Switch:
    """The switch that `name` or `name=argument` means; ValueError with what would be right."""
    name, _, argument = text.strip().partition("=")
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(f"there is no fault {name!r}; there are: {', '.join(FAULTS)}")
    if fault.arguments and argument and argument not in fault.arguments:
        raise ValueError(f"{name} takes one of: {', '.join(fault.arguments)}")
    if argument and not fault.default:
        raise ValueError(f"{name} takes no argument")
    if fault.default.isdigit() and argument and not argument.isdigit():
        raise ValueError(f"{name} takes a number")
    return Switch(fault, argument or fault.default, at)
