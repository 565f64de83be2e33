"""A toxic: an active fault, whom it hits and when it ends. Made from JSON, checked field by field.

Public: `Toxic`, `create`, `update`, `life_s`, `fault_of`, `next_key`, `TTL_S`, `TTL_S_MAX`.
"""

import difflib
import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.drills.proxy import problems
from tests.drills.proxy.faults import FAULTS, Fault, Layer, Parameter, applies
from tests.drills.proxy.hits import CONNECTIONS, REQUESTS, Hits
from tests.drills.proxy.problems import ApiProblem

TTL_S = 60.0
TTL_S_MAX = 3600.0
NAME = re.compile(r"[A-Za-z0-9][\w.:-]{0,127}")
# The characters that a member of `baggage` may have (W3C Baggage, baggage-octet).
MARK = re.compile(r"[!#-+\--:<-\[\]-~]{1,512}")
TEXT = re.compile(r"[ -~]{0,256}")
_keys = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Toxic:
    """`expires_at` is on the creator's clock. `key` changes with every update."""

    name: str
    fault: Fault
    stream: str
    toxicity: float
    attributes: Mapping[str, int | str]
    session: str
    ttl_s: float
    expires_at: float
    key: int
    hits: Hits = field(default_factory=Hits, compare=False)

    @property
    def scope(self) -> str:
        """Whom it hits: `session`, `share` or `everyone`."""
        if self.session:
            return "session"
        return "share" if self.toxicity < 1 else "everyone"

    @property
    def reads_heads(self) -> bool:
        """Whether the toxic needs request heads to be read."""
        return self.fault.layer is Layer.HTTP or bool(self.session)

    @property
    def counts_requests(self) -> bool:
        """Whether hits are requests. A connection may carry requests of several people; a WebSocket is one request as
        long as it is open."""
        return self.reads_heads and self.fault.layer is not Layer.WEBSOCKET

    def number(self, name: str) -> int:
        return int(self.attributes[name])

    def body(self, now: float) -> dict[str, object]:
        """The toxic as the API shows it."""
        return {
            "name": self.name,
            "type": self.fault.name,
            "stream": self.stream,
            "toxicity": self.toxicity,
            "attributes": dict(self.attributes),
            "scope": self.scope,
            "session": self.session,
            "ttl_s": self.ttl_s,
            "expires_in_s": round(max(self.expires_at - now, 0), 3),
            "number": self.hits.number,
            "hits": self.hits.count,
            "hits_of": REQUESTS if self.counts_requests else CONNECTIONS,
        }


def create(body: object, speaks: tuple[str, ...], now: float) -> Toxic:
    """The toxic that `body` describes, on a hop that carries `speaks`; raises `ApiProblem`."""
    fields = _object(body)
    fault = fault_of(fields.get("type"))
    if fault.layer is Layer.LISTENER:
        raise problems.invalid_type(f"{fault.name} is no toxic: set the proxy's enabled to false")
    if not applies(fault, speaks):
        raise problems.invalid_type(f"{fault.name} is a fault of {fault.layer.value}; here travels {', '.join(speaks)}")
    stream = fields.get("stream") or fault.streams[0]
    _check_stream(fault, stream)
    name = fields.get("name") or f"{fault.name}_{stream}"
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise problems.bad_body("name: letters, digits, dots, colons and dashes, at most 128")
    session = _session(fields, speaks)
    toxicity = _toxicity(fields.get("toxicity", 1))
    ttl_s = life_s(fields)
    attributes = _attributes(fault, fields.get("attributes"), {each.name: each.default for each in fault.parameters})
    made = Toxic(name, fault, stream, toxicity, attributes, session, ttl_s, now + ttl_s, next_key())
    if (scope := fields.get("scope")) not in (None, "", made.scope):
        raise problems.bad_body(f"scope: {scope!r} it is not; 'share' takes a toxicity below 1, 'session' a session")
    return made


def update(toxic: Toxic, body: object, now: float) -> Toxic:
    """`toxic` with the changes in `body`; its time-to-live begins again."""
    fields = _object(body)
    ttl_s = life_s(fields, toxic.ttl_s)
    return replace(
        toxic,
        toxicity=_toxicity(fields.get("toxicity", toxic.toxicity)),
        attributes=_attributes(toxic.fault, fields.get("attributes"), toxic.attributes),
        ttl_s=ttl_s,
        expires_at=now + ttl_s,
        key=next_key(),
    )


def next_key() -> int:
    """A key that no other toxic of this process has."""
    return next(_keys)


def life_s(fields: Mapping[str, Any], default: float = TTL_S) -> float:
    """How long a fault lasts; raises `ApiProblem`."""
    value = fields.get("ttl_s", default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= TTL_S_MAX:
        raise problems.bad_body(f"ttl_s: seconds, more than 0 and at most {TTL_S_MAX:g}")
    return float(value)


def _object(body: object) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise problems.bad_body("a JSON object is wanted")
    return body


def fault_of(name: object) -> Fault:
    """The fault of this name; raises `ApiProblem` with the nearest name."""
    fault = FAULTS.get(name) if isinstance(name, str) else None
    if fault is None:
        near = difflib.get_close_matches(str(name), FAULTS, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(FAULTS)}"
        raise problems.invalid_type(f"there is no fault {str(name)[:64]!r}{hint}")
    return fault


def _check_stream(fault: Fault, stream: object) -> None:
    if stream not in ("upstream", "downstream"):
        raise problems.invalid_stream()
    if stream not in fault.streams:
        raise problems.invalid_stream(f"{fault.name} goes {' or '.join(fault.streams)}")


def _session(fields: Mapping[str, Any], speaks: tuple[str, ...]) -> str:
    session = fields.get("session") or ""
    if session and (not isinstance(session, str) or not MARK.fullmatch(session)):
        raise problems.bad_body("session: the mark as it stands in baggage, without spaces, commas and semicolons")
    if session and speaks and "http" not in speaks:
        raise problems.bad_body(f"session: a mark travels over HTTP alone; here travels {', '.join(speaks)}")
    return str(session)


def _toxicity(value: object) -> float:
    wanted = problems.bad_body("toxicity: a number from 0 to 1")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise wanted
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise wanted
    return float(value)


def _attributes(fault: Fault, given: object, before: Mapping[str, int | str]) -> dict[str, int | str]:
    given = {} if given is None else given
    if not isinstance(given, dict):
        raise problems.bad_body("attributes: a JSON object is wanted")
    attributes = dict(before)
    for name, value in given.items():
        parameter = fault.parameter(name)
        if parameter is None:
            there = ", ".join(each.name for each in fault.parameters) or "none"
            raise problems.bad_body(f"attributes: {fault.name} takes no {str(name)[:64]!r}; it takes {there}")
        attributes[name] = _value(parameter, value)
    return attributes


def _value(parameter: Parameter, value: object) -> int | str:
    if parameter.is_number:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not parameter.least <= value <= parameter.most:
            raise _refused(parameter, f"a whole number from {parameter.least} to {parameter.most}")
        return value
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if parameter.choices and text not in parameter.choices:
        raise _refused(parameter, f"one of {', '.join(parameter.choices)}")
    if not isinstance(text, str) or not TEXT.fullmatch(text):
        raise _refused(parameter, "a text of at most 256 plain characters")
    return text


def _refused(parameter: Parameter, wanted: str) -> ApiProblem:
    return problems.bad_body(f"attributes: {parameter.name}: {wanted}")
