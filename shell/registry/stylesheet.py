"""The external addresses that a stylesheet would fetch, parsed as a browser parses it.

Public: `external_reference`.
Source: CSS Syntax 3 §3.3 (preprocessing), §4.3 (tokens: comments, strings, escapes, names, url); CSS Images 4 and CSS
Values 4 for the functions that take an address as a string.
"""

import codecs
import re
from collections.abc import Set

_BYTE_ORDER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# In these a string is an address, and what is filled in by one of those may be one.
_ADDRESSED = frozenset({"url", "src", "image", "image-set", "-webkit-image-set"})
_FILLED_IN = frozenset({"var", "env", "attr", "if", "inherit"})
# Part of the sheet or of the page itself; a browser takes what stands below a space off an address.
_HARMLESS = re.compile(r"[\x00-\x20]*(?:data:|#|\Z)", re.IGNORECASE)

# Possessive: a name made of escapes could be divided in very many ways, and only the longest is right.
_ESCAPE = r"\\(?:[0-9a-fA-F]{1,6}+[ \t\n]?+|[^\n0-9a-fA-F])"
_NAME = rf"(?:[-\w\u0080-\U0010ffff]|{_ESCAPE})++"
_TOKEN = re.compile(
    rf"""
    (?P<comment> /\*.*?(?:\*/|\Z) | <!-- | --> )
  | (?P<string>  "(?:[^"\\\n]|\\.)*+(?:"|\n|\\?\Z) | '(?:[^'\\\n]|\\.)*+(?:'|\n|\\?\Z) )
  | @(?P<at>     {_NAME} )
  | (?P<name>    {_NAME} ) (?P<call> \()?
  | (?P<open>    [(\[{{] )
  | (?P<close>   [)\]}}] )
  | .
    """,
    re.VERBOSE | re.DOTALL,
)
_QUOTE = re.compile(r"[ \t\n]*['\"]")
_BARE = re.compile(rf"[ \t\n]*(?P<address>(?:[^ \t\n'\"()\\]|{_ESCAPE})*+)[ \t\n]*(?P<end>\)|\Z)?")
# As it is written anew for a copy: a string alone.
_IMPORTED = re.compile(r'[ \t\n]*"(?P<address>[^"\\\n]*)"')
_DEPTH_MAX = 100
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}


def external_reference(css: bytes, allowed: Set[str] = frozenset()) -> str | None:
    """The first thing in `css` that a browser would fetch; None where there is nothing but data, parts of the page and
    addresses that are `allowed`.

    What can not be judged (an address filled in by `var()`, another encoding, great depth) counts as reaching out.
    """
    if css.startswith(_BYTE_ORDER_MARKS):
        return "UTF-16"
    text = css.decode("utf-8-sig", "replace").replace("\0", "\ufffd")
    return _Reading(re.sub(r"\r\n|[\r\f]", "\n", text), allowed).found()


class _Reading:
    """One way through a stylesheet. `_opened` says of all that is open what closes it, and which function it is in."""

    def __init__(self, text: str, allowed: Set[str]) -> None:
        self._text = text
        self._allowed = allowed
        self._at = 0
        self._opened: list[tuple[str, str]] = []

    def found(self) -> str | None:
        while token := _TOKEN.match(self._text, self._at):
            self._at = token.end()
            found = self._look_at(token)
            if found is not None:
                return found
            if len(self._opened) > _DEPTH_MAX:
                return "something nested too deeply to be judged"
        return None

    def _look_at(self, token: re.Match[str]) -> str | None:
        inside = self._opened[-1][1] if self._opened else ""
        if token["at"] and _plain(token["at"]) == "import":
            return self._import()
        if token["string"] and inside in _ADDRESSED and not self._harmless(_inner(token["string"])):
            return f"{inside}({token['string'][:60]}"
        if token["call"]:
            return self._function(_plain(token["name"]))
        if token["open"]:
            self._opened.append((_CLOSED_BY[token["open"]], inside))
        elif token["close"] and self._opened and self._opened[-1][0] == token["close"]:
            self._opened.pop()
        return None

    def _function(self, name: str) -> str | None:
        if name in _FILLED_IN and any(function in _ADDRESSED for _, function in self._opened):
            return f"{name}() in an address"
        if name == "url" and not _QUOTE.match(self._text, self._at):
            bare = _BARE.match(self._text, self._at)
            assert bare is not None, "it matches nothing too"
            self._at = bare.end()
            if bare["end"] is None or not self._harmless(bare["address"]):
                return f"url({bare['address'][:60]}"
            return None
        self._opened.append((")", name))
        return None

    def _import(self) -> str | None:
        """An import names its address in a string, or as the address that is read next."""
        string = _IMPORTED.match(self._text, self._at)
        if string is None or _unescaped(string["address"]) not in self._allowed:
            return "@import"
        self._at = string.end()
        return None

    def _harmless(self, address: str) -> bool:
        plain = _unescaped(address)
        return plain in self._allowed or _HARMLESS.match(plain) is not None


def _inner(string: str) -> str:
    """A string without its quotes; the last may be missing."""
    return string[1:-1] if len(string) > 1 and string[-1] == string[0] else string[1:]


def _plain(name: str) -> str:
    """A name as it is compared: without escapes, in lower case."""
    return _unescaped(name).lower()


def _unescaped(text: str) -> str:
    return re.sub(rf"{_ESCAPE}|\\\n", _character, text)


def _character(escape: re.Match[str]) -> str:
    escaped = escape.group()[1:]
    if escaped == "\n":
        return ""
    try:
        number = int(escaped, 16)
    except ValueError:
        return escaped
    return chr(number) if 0 < number <= 0x10FFFF and not 0xD800 <= number <= 0xDFFF else "\ufffd"
