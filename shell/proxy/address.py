"""Parses a public address of a fragment's proxy; refuses paths that would leave the target.

Public: `Address`, `AddressRefused`, `read_address`, `query_passes`.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote, unquote_to_bytes

from shell.composition.page import split_tag
from shell.composition.slot_path import SLOTS_PREFIX

REST_CHARS_MAX = 2048
_DECODINGS_MAX = 3
# What may stand in a path as it is; browsers encode the rest.
_PATH = re.compile(r"[!-~]*")
_NEVER_RAW = frozenset('"#<>\\?^`{}')
# Which release drew the slot, where pages can hold one or another.
_TAG = re.compile(r"[0-9a-f.]{0,64}")
_NAME = re.compile(r"[A-Za-z0-9_-]{1,100}")


class AddressRefused(Exception):
    """The path means one thing to one reader and another to the next; the message says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Address:
    """`/slots/<key>/<slot>/<target>/<rest>`; `rest` is encoded as it came, with its slash at the end if it has one."""

    key: str
    slot: str
    target: str
    rest: str


def read_address(raw_path: bytes, path: str) -> Address | None:
    """The address in a request's path, None where it is of another kind; raises `AddressRefused`.

    `path` is the same decoded, for servers that give nothing else.
    """
    written = raw_path.decode("latin-1") or quote(path, safe="/:@!$&'()*+,;=~-._")
    if not written.startswith(SLOTS_PREFIX):
        return None
    key, _, below = written.removeprefix(SLOTS_PREFIX).partition("/")
    slot, _, below = below.partition("/")
    target, _, rest = below.partition("/")
    if not (key and slot and target):
        return None
    _check_rest(rest)
    name, tag = split_tag(slot)
    if not (_NAME.fullmatch(name) and _TAG.fullmatch(tag) and _NAME.fullmatch(target)):
        raise AddressRefused("it names no slot and proxy")
    return Address(unquote(key), slot, target, rest)


def query_passes(query: str) -> bool:
    """Whether a query can travel as it came: printable ASCII that ends no URL."""
    return re.fullmatch(r"[!$-;=?-~]*", query) is not None


def _check_rest(rest: str) -> None:
    if len(rest) > REST_CHARS_MAX:
        raise AddressRefused(f"it has more than {REST_CHARS_MAX} characters")
    if not _PATH.fullmatch(rest) or not _NEVER_RAW.isdisjoint(rest):
        raise AddressRefused("it holds what must be encoded")
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        raise AddressRefused("a % in it begins no byte")
    segments = rest.encode().split(b"/")
    if b"" in segments[:-1]:
        raise AddressRefused("a segment of it is empty")
    for segment in segments:
        _check_segment(segment)


def _check_segment(segment: bytes) -> None:
    """A later reader may decode the segment once too often: the result must not leave the folder either."""
    for _ in range(_DECODINGS_MAX):
        if segment.partition(b";")[0] in (b".", b".."):
            raise AddressRefused("a segment of it means another folder")
        decoded = unquote_to_bytes(segment)
        if any(byte < 0x20 or byte in b"/\\\x7f" for byte in decoded):
            raise AddressRefused("a segment of it hides a slash or a control character")
        if decoded == segment:
            break
        segment = decoded
    else:
        raise AddressRefused("it is encoded too often")
    try:
        segment.decode()
    except UnicodeDecodeError:
        raise AddressRefused("it is no UTF-8") from None
