"""What an asset's `data` writes on its element: attributes `data-<key>`, as a layout of Podium does.

Public: `data_attributes`, `DataRefused`, `DATA_MAX`, `KEY_CHARS_MAX`, `VALUE_CHARS_MAX`.
Source: `@podium/utils` 5.6 (`buildScriptAttributes`), which writes `data-${key}="${value}"` as HTML without a look at
either; `@podium/podlet` 5.4 (`#jsAsset`), which takes an object for the list. The schema has no such field, and lets it
pass.
"""

import re
from collections.abc import Iterator
from html import unescape
from html.entities import html5
from typing import Any

DATA_MAX = 16
KEY_CHARS_MAX = 64
VALUE_CHARS_MAX = 1024
_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# As a browser reads one in an attribute's value: a name without its semicolon is none where = follows.
_REFERENCE = re.compile(r"&(?:#(?:[0-9]++|[xX][0-9a-fA-F]++);?+|([A-Za-z][A-Za-z0-9]*+(?:;|(?!=))))")
# Within these JavaScript writes a number with the same digits.
_INTEGER_MAX = 2**53
_FRACTION_MIN, _FRACTION_MAX = 1e-4, 1e16


class DataRefused(Exception):
    """The message says what is wrong with the data, and `at` where: `[1].key`, empty for all of it."""

    def __init__(self, message: str, at: str = "") -> None:
        super().__init__(message)
        self.at = at


def data_attributes(data: Any) -> dict[str, str]:
    """Values by name, `data-…` in lower case, in their order; of one name that is listed twice the first counts.

    `data` is what JSON may hold: a list of `{key, value}`, or an object. Raises `DataRefused`.
    """
    found: dict[str, str] = {}
    pairs = list(_pairs(data))
    if len(pairs) > DATA_MAX:
        raise DataRefused(f"it has {len(pairs)} keys, and an element takes {DATA_MAX} at most")
    for at, key, value in pairs:
        found.setdefault(f"data-{_name(key, at)}", _text(value, at))
    return found


def _pairs(data: Any) -> Iterator[tuple[str, Any, Any]]:
    """Where each stands, its key and its value."""
    if isinstance(data, dict):
        yield from (("", key, value) for key, value in data.items())
    elif isinstance(data, list):
        for index, each in enumerate(data):
            if not isinstance(each, dict) or "key" not in each:
                raise DataRefused("it lists `{key, value}`", f"[{index}]")
            yield f"[{index}]", each["key"], each.get("value")
    elif data:
        raise DataRefused("it is a list of `{key, value}`, or an object of values by their keys")


def _name(key: Any, at: str) -> str:
    where = f"{at}.key" if at else ""
    if not isinstance(key, str) or _KEY.fullmatch(key) is None:
        raise DataRefused(
            "a key has ASCII letters, digits, `-`, `_` and `.` alone, and begins with neither `-` nor `.`, "
            f"unlike {str(key)[:KEY_CHARS_MAX]!r}",
            where,
        )
    if len(key) > KEY_CHARS_MAX:
        raise DataRefused(f"a key has {KEY_CHARS_MAX} characters at most", where)
    return key.lower()


def _text(value: Any, at: str) -> str:
    """As it stands in a browser: references are read, what counts as nothing to JavaScript is empty."""
    where = f"{at}.value" if at else ""
    if not value:
        return ""
    if value is True:
        return "true"
    if isinstance(value, str):
        if len(value) > VALUE_CHARS_MAX:
            raise DataRefused(f"a value has {VALUE_CHARS_MAX} characters at most, and this one {len(value)}", where)
        return _REFERENCE.sub(_character, value)
    if isinstance(value, int) and abs(value) <= _INTEGER_MAX:
        return str(value)
    if isinstance(value, float) and _FRACTION_MIN <= abs(value) < _FRACTION_MAX:
        return repr(value).removesuffix(".0")
    raise DataRefused("a value is text; write a list, an object or such a number as text yourself", where)


def _character(reference: re.Match[str]) -> str:
    name = reference[1]
    if name is None:
        return unescape(reference[0])
    return html5.get(name, reference[0])
