"""The table of faults: what can be broken, on which layer, with which parameters, and on which hops.

Public: `Fault`, `Parameter`, `Layer`, `FAULTS`, `SPEAKS`, `TOXIPROXY`, `applies`.

Validation, `manage.py drill faults`, the README's table and the list of drills follow from it. Names, parameters and
defaults of the first seven are Toxiproxy's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DAY_MS = 86_400_000
YEAR_S = 31_536_000
GIB = 1 << 30
# What may travel on a hop. Every fault applies to a hop for which nothing is declared.
SPEAKS = ("http", "websocket", "redis", "events", "kafka", "postgres")
BOTH = ("downstream", "upstream")
ANSWERS = ("downstream",)
# An answer of tests/origin by its switch, such as `status=503`, from a fault's attributes.
Answer = Callable[[Mapping[str, int | str]], str]


class Layer(StrEnum):
    """What a fault changes: whether anybody listens, bytes on their way, HTTP answers, WebSocket messages, or events of
    a broker."""

    LISTENER = "listener"
    TCP = "tcp"
    HTTP = "http"
    WEBSOCKET = "websocket"
    EVENTS = "events"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One attribute of a fault: a whole number from `least` to `most`, or one of `choices`, or, without either, a text.

    `default` is used if a client leaves the parameter out. If a person gives no parameter at all, the runner sends
    `typical` instead.
    """

    name: str
    claim: str
    default: int | str = 0
    typical: int | str | None = None
    least: int = 0
    most: int = 0
    choices: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        return isinstance(self.default, int)


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault. With `answer` the proxy sends this answer instead of the upstream's."""

    name: str
    layer: Layer
    claim: str
    parameters: tuple[Parameter, ...] = ()
    streams: tuple[str, ...] = BOTH
    answer: Answer | None = field(default=None, compare=False)

    def parameter(self, name: str) -> Parameter | None:
        return next((each for each in self.parameters if each.name == name), None)


def _ms(name: str, claim: str, typical: int | None = None) -> Parameter:
    return Parameter(name, claim, 0, typical, 0, DAY_MS)


def _one_of(name: str, claim: str, *choices: str) -> Parameter:
    return Parameter(name, claim, choices[0], choices=choices)


MALFORMED = {
    "garbage": "garbage-status=garbage",
    "no-head": "garbage-status=no-head",
    "bad-chunk": "bad-chunk",
    "two-lengths": "two-lengths=different",
    "length-and-chunked": "length-and-chunked",
    "folded-header": "folded-header",
    "nul-in-header": "bad-header=nul",
    "invalid-utf8": "bad-text=invalid-utf8",
}
OVERSIZE = {
    "length": "body-64-mib=length",
    "chunked": "body-64-mib=chunked",
    "endless": "endless-body",
    "header": "giant-header=1000000",
}
RETRY_AFTER = ("seconds", "date", "negative", "past", "huge", "garbage")

_TCP = (
    Fault(
        "latency",
        Layer.TCP,
        "Everything arrives later.",
        (_ms("latency", "milliseconds", 3000), _ms("jitter", "up to so many milliseconds more or fewer, at random")),
    ),
    Fault(
        "bandwidth",
        Layer.TCP,
        "Only so many kilobytes a second get through.",
        (Parameter("rate", "kilobytes a second; 0 sets no limit", 0, 1, 0, 1_000_000),),
    ),
    Fault("slow_close", Layer.TCP, "The end of a connection arrives later.", (_ms("delay", "milliseconds", 3000),)),
    Fault(
        "timeout",
        Layer.TCP,
        "Nothing gets through, and the connection is closed after a while.",
        (_ms("timeout", "milliseconds; 0 never closes it while the fault lasts"),),
    ),
    Fault(
        "reset_peer",
        Layer.TCP,
        "The connection is reset (RST) instead of the first bytes.",
        (_ms("timeout", "milliseconds until the reset"),),
    ),
    Fault(
        "slicer",
        Layer.TCP,
        "Bytes arrive in small pieces.",
        (
            Parameter("average_size", "bytes a piece", 0, 64, 0, 1_048_576),
            Parameter("size_variation", "up to so many bytes more or fewer", 0, 16, 0, 1_048_576),
            Parameter("delay", "microseconds between pieces", 0, 10_000, 0, 60_000_000),
        ),
    ),
    Fault(
        "limit_data",
        Layer.TCP,
        "The connection is closed after so many bytes.",
        (Parameter("bytes", "bytes that still get through", 0, 512, 0, GIB),),
    ),
)
TOXIPROXY = tuple(fault.name for fault in _TCP)

_HTTP = (
    Fault(
        "status",
        Layer.HTTP,
        "Answers with this status and an error page.",
        (_one_of("status", "the status", "503", "500", "502", "504", "404", "410", "401", "403", "429", "400", "422"),),
        answer=lambda given: f"status={given['status']}",
    ),
    Fault(
        "unavailable",
        Layer.HTTP,
        "503 with a Retry-After.",
        (_one_of("retry_after", "the header's value", *RETRY_AFTER),),
        answer=lambda given: f"unavailable-until={given['retry_after']}",
    ),
    Fault(
        "throttled",
        Layer.HTTP,
        "429 with a Retry-After.",
        (_one_of("retry_after", "the header's value", *RETRY_AFTER),),
        answer=lambda given: f"throttled-until={given['retry_after']}",
    ),
    Fault("error_page", Layer.HTTP, "200 carrying an error page.", answer=lambda _: "error-page"),
    Fault(
        "malformed",
        Layer.HTTP,
        "An answer that is not valid HTTP, or not valid text.",
        (_one_of("how", "what is wrong", *MALFORMED),),
        answer=lambda given: MALFORMED[str(given["how"])],
    ),
    Fault(
        "oversize",
        Layer.HTTP,
        "64 MiB, a body without end, or one header of a megabyte.",
        (_one_of("how", "what is too large", *OVERSIZE),),
        answer=lambda given: OVERSIZE[str(given["how"])],
    ),
    Fault("bomb", Layer.HTTP, "200 KB of gzip that would become 200 MiB.", answer=lambda _: "gzip-bomb"),
    Fault(
        "redirect",
        Layer.HTTP,
        "302 to another path, to itself, or to a link-local address.",
        (_one_of("to", "its target", "elsewhere", "loop", "link-local"),),
        answer=lambda given: f"redirect={given['to']}",
    ),
    Fault(
        "truncated",
        Layer.HTTP,
        "The real answer, cut in its body.",
        (Parameter("bytes", "bytes of the body that arrive", 64, 64, 0, GIB),),
        ANSWERS,
    ),
    Fault(
        "wrong_type",
        Layer.HTTP,
        "The real answer under another content type; an empty one leaves it out.",
        (Parameter("content_type", "the content type", "application/octet-stream"),),
        ANSWERS,
    ),
    Fault(
        "stale_clock",
        Layer.HTTP,
        "The real answer, with every date and ISO time in it moved.",
        (Parameter("seconds", "how far into the past; negative: into the future", 86_400, 86_400, -YEAR_S, YEAR_S),),
        ANSWERS,
    ),
    Fault(
        "slow_first_byte",
        Layer.HTTP,
        "The real answer, and nothing of it for a while.",
        (_ms("delay", "milliseconds", 3000),),
        ANSWERS,
    ),
)

_WEBSOCKET = (
    Fault("silence", Layer.WEBSOCKET, "Connected, pings answered, and no message gets through."),
    Fault(
        "gap",
        Layer.WEBSOCKET,
        "Every n-th message is lost.",
        (Parameter("every", "n", 2, 2, 1, 1_000_000),),
    ),
    Fault(
        "duplicate",
        Layer.WEBSOCKET,
        "Every message comes again at once.",
        (Parameter("copies", "how many more times", 1, 1, 1, 100),),
    ),
    Fault(
        "reorder",
        Layer.WEBSOCKET,
        "Messages come in the opposite order, in groups of so many.",
        (Parameter("window", "messages in a group", 2, 2, 2, 100),),
    ),
    Fault(
        "flood",
        Layer.WEBSOCKET,
        "The last message comes again and again.",
        (Parameter("rate", "messages a second", 1000, 1000, 1, 100_000),),
        ANSWERS,
    ),
    Fault(
        "close_code",
        Layer.WEBSOCKET,
        "The socket is closed with this code.",
        (Parameter("code", "close code", 1011, 1011, 1000, 4999),),
        ANSWERS,
    ),
)

_EVENTS = (
    Fault(
        "duplicate_event",
        Layer.EVENTS,
        "Each event of the broker is delivered again; upstream: is added again.",
        (Parameter("copies", "how many more times", 1, 1, 1, 100),),
    ),
)

_LISTENER = (
    Fault(
        "down", Layer.LISTENER, "Nothing listens: connections are refused. In the HTTP API this is `enabled: false`."
    ),
)

FAULTS: dict[str, Fault] = {fault.name: fault for fault in (*_TCP, *_LISTENER, *_HTTP, *_WEBSOCKET, *_EVENTS)}


def applies(fault: Fault, speaks: tuple[str, ...]) -> bool:
    """Whether `fault` has a meaning on a hop that carries `speaks`; if nothing is declared, every fault has."""
    return not speaks or fault.layer in (Layer.LISTENER, Layer.TCP) or fault.layer.value in speaks
