"""Text on a wire: whoever reads JSON, a form or a query from outside reads it through here, once, at the border.

Public: `Plain`, `TextRefused`, `decode`, `built`, `is_plain`, `check_fields`, `cleaned`, `mended`.

Control characters (C0, DEL, C1) and lone surrogates are no text: one database stores them, the next refuses them, a log
line breaks in two and a copy can not be restored. A wire refuses what holds one. Free text of a provider whose money
hangs on being read (why a card was declined) is cleaned instead.
"""

import re
import threading
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec

T = TypeVar("T")

_building = threading.Lock()
_built: set[object] = set()
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Only these bytes of a JSON text can become such a character; most bodies hold none, and are looked at once.
_SUSPECT = re.compile(rb"\\[bfnrtu]|\x7f|\xc2[\x80-\x9f]")

# A string of a wire type whose decoder does not look at the whole body.
Plain = Annotated[str, msgspec.Meta(pattern="^[^\x00-\x1f\x7f-\x9f]*\\Z")]


class TextRefused(msgspec.DecodeError):
    """A string holds a control character or a lone surrogate."""


def decode(raw: bytes | str, kind: type[T], *, free_text: bool = False) -> T:
    """The JSON `raw` as `kind`.

    Raises `msgspec.ValidationError` for another shape, `TextRefused` for a string that is none (in any field, known or
    not, and in names), `msgspec.DecodeError` for what is no JSON, no UTF-8 or nested too deeply, and nothing else.
    With `free_text` strings are taken as they are: the caller cleans those that it keeps.
    """
    body = raw.encode("utf-8", "surrogatepass") if isinstance(raw, str) else raw
    try:
        value = msgspec.json.decode(body, type=built(kind))
        if not free_text and (_SUSPECT.search(body) or not body.isascii()):
            body.decode()
            if _SUSPECT.search(body):
                _check(msgspec.json.decode(body))
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error
    return value


def built(kind: type[T]) -> type[T]:
    """`kind`, after msgspec has looked at it once: two threads that look at one type at once end the process."""
    if kind not in _built:
        with _building:
            msgspec.json.Decoder(kind)
            _built.add(kind)
    return kind


def is_plain(text: str) -> bool:
    """Whether `text` holds neither a control character nor a lone surrogate."""
    return (text.isascii() and text.isprintable()) or _CONTROL.search(text) is None


def check_fields(fields: Mapping[str, str]) -> None:
    """Raises `TextRefused` for a form or a query with a name or a value that is no plain text."""
    for name, value in fields.items():
        if not is_plain(name):
            raise TextRefused("the name of a field holds a control character")
        if not is_plain(value):
            raise TextRefused(f"{name[:64]} holds a control character")


def cleaned(text: str, *, chars_max: int) -> str:
    """Free text on one line: what separates words becomes a space, other control characters go."""
    return _CONTROL.sub("", " ".join(text.split()))[:chars_max].strip()


def mended(value: Any) -> Any:
    """`value`, anything that JSON can hold, with U+FFFD in the place of each character that no wire takes."""
    if isinstance(value, str):
        return value if is_plain(value) else _CONTROL.sub("\ufffd", value)
    if isinstance(value, dict):
        return {mended(name): mended(each) for name, each in value.items()}
    return [mended(each) for each in value] if isinstance(value, list) else value


def _check(value: Any, where: str = "$") -> None:
    if isinstance(value, str):
        if not is_plain(value):
            raise TextRefused(f"a string holds a control character - at `{where}`")
    elif isinstance(value, dict):
        for name, each in value.items():
            if not is_plain(name):
                raise TextRefused(f"a field's name holds a control character - at `{where}`")
            _check(each, f"{where}.{name}")
    elif isinstance(value, list):
        for each in value:
            _check(each, f"{where}[...]")
