"""A partition: requests that every guard keeps apart from all others, named by a signed mark that travels with them.

Public: `Partition`, `sign`, `read`, `in_cookies`, `in_baggage`, `COOKIE`, `MEMBER`, `LIFE_S_MAX`, `PartitionRefused`.

A browser brings the mark as the cookie `mullion-drill`; between houses it is one member of the `baggage` header (W3C
Baggage). Its value is `<name>.<expires>.<signature>`, the same in both, so that whoever compares compares it whole.
Without a key there is no partition: nothing is read, so nothing is handed on. A mark that is forged, expired, or there
twice marks nothing.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass

COOKIE = MEMBER = "mullion-drill"
LIFE_S_MAX = 24 * 3600
"""One that says that it lives longer is not believed."""

BAGGAGE_CHARS_MAX = 8192
_NAME = r"[a-z0-9][a-z0-9-]{0,31}"
_VALUE = re.compile(rf"({_NAME})\.([0-9]{{1,12}})\.([A-Za-z0-9_-]{{43}})", re.ASCII)
_PURPOSE = b"mullion.partition\0"


class PartitionRefused(ValueError):
    """No mark can be made of this; the message says why."""


@dataclass(frozen=True, slots=True)
class Partition:
    """`name` is for logs; `value` is the whole mark, and what tells one partition from another.

    One that `travels` is handed on to other houses; one that does not is this house's alone.
    """

    name: str
    value: str
    travels: bool = True

    @property
    def baggage(self) -> tuple[str, str]:
        """The header that hands it on."""
        return ("baggage", f"{MEMBER}={self.value}")


def sign(key: str, name: str, *, expires_s: int) -> str:
    """The mark of `name` until `expires_s` (seconds since 1970); raises `PartitionRefused`."""
    if not key:
        raise PartitionRefused("without a key nothing can be signed")
    if not re.fullmatch(_NAME, name, re.ASCII):
        raise PartitionRefused(f"the name {name[:40]!r} is not 1 to 32 lower-case letters, digits and dashes")
    signed = f"{name}.{expires_s}"
    return f"{signed}.{_signature(key, signed)}"


def read(value: str, key: str, *, now: float) -> Partition | None:
    """The partition that `value` marks at `now` (seconds since 1970); None where it marks none."""
    found = _VALUE.fullmatch(value) if key else None
    if found is None or not now < int(found[2]) <= now + LIFE_S_MAX:
        return None
    genuine = hmac.compare_digest(_signature(key, f"{found[1]}.{found[2]}"), found[3])
    return Partition(found[1], value) if genuine else None


def in_cookies(header: str, key: str, *, now: float) -> Partition | None:
    """The mark in a `Cookie` header; none where two cookies have the name, as it is unknown which one the site set."""
    return _only(header.split(";"), key, now) if key and COOKIE in header else None


def in_baggage(header: str, key: str, *, now: float) -> Partition | None:
    """The mark in a `baggage` header; its other members are ignored."""
    if not key or MEMBER not in header or len(header) > BAGGAGE_CHARS_MAX:
        return None
    return _only([member.partition(";")[0] for member in header.split(",")], key, now)


def _only(pairs: list[str], key: str, now: float) -> Partition | None:
    named = [value.strip() for name, _, value in (pair.partition("=") for pair in pairs) if name.strip() == MEMBER]
    return read(named[0], key, now=now) if len(named) == 1 else None


def _signature(key: str, signed: str) -> str:
    digest = hmac.digest(key.encode(), _PURPOSE + signed.encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")
