"""Lets one origin, the console's, show pages in frames for a while. It is not a fault.

Public: `FRAMING`, `create`.

The headers that forbid frames are changed between the house and the browser; the house knows nothing of it.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

from tests.drills.proxy import problems, toxic
from tests.drills.proxy.effects import Effect
from tests.drills.proxy.effects_http import Answer
from tests.drills.proxy.faults import ANSWERS, Fault, Layer, Parameter
from tests.drills.proxy.toxic import Toxic

NAME = "framing"
_FAULT = Fault(
    NAME, Layer.HTTP, "Pages may be framed by this origin.", (Parameter("ancestor", "the origin", ""),), ANSWERS
)
_ORIGIN = re.compile(r"http://(?:localhost|127\.0\.0\.1):\d{1,5}")
_ANCESTORS = re.compile(rb"frame-ancestors [^;\r\n]*", re.IGNORECASE)
_FRAME_OPTIONS = re.compile(rb"\r\nx-frame-options:[^\r\n]*", re.IGNORECASE)


def create(body: object, speaks: tuple[str, ...], now: float, before: Toxic | None = None) -> Toxic:
    """The permission that `{"ancestor": "http://localhost:8097", "ttl_s": 10}` asks for; if `before` is the same
    permission, it is prolonged. Raises `ApiProblem`."""
    fields: Mapping[str, object] = body if isinstance(body, dict) else {}
    ancestor = fields.get("ancestor")
    if not isinstance(ancestor, str) or not _ORIGIN.fullmatch(ancestor):
        raise problems.bad_body("ancestor: an origin of this machine, such as http://localhost:8097")
    if speaks and "http" not in speaks:
        raise problems.bad_body(f"pages travel over HTTP alone; here travels {', '.join(speaks)}")
    ttl_s = toxic.life_s(fields)
    attributes = {"ancestor": ancestor}
    if before is not None and before.attributes == attributes:
        return replace(before, ttl_s=ttl_s, expires_at=now + ttl_s)
    return Toxic(NAME, _FAULT, ANSWERS[0], 1.0, attributes, "", ttl_s, now + ttl_s, toxic.next_key())


class Framing(Answer):
    """Changes the two headers of an answer that are about frames."""

    def head(self, head: bytes) -> bytes:
        ancestor = str(self.toxic.attributes["ancestor"]).encode("ascii")
        return _ANCESTORS.sub(b"frame-ancestors " + ancestor, _FRAME_OPTIONS.sub(b"", head))


FRAMING: dict[str, type[Effect]] = {NAME: Framing}
