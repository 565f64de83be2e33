"""From bytes to text, or why not. No guessing: a body is UTF-8 HTML or it is refused.

Public: `check_content_type`, `decode`.
"""

import re

from bff.resilience.reason import Reason
from shell.composition.contain.limits import Limits
from shell.composition.contain.refusal import Refusal

_TYPE = re.compile(r"\s*text/html\s*(?:;(?P<parameters>.*))?", re.IGNORECASE | re.DOTALL)
_CHARSET = re.compile(r";?\s*charset\s*=\s*\"?(?P<name>[^\s;\",]*)", re.IGNORECASE)
_UTF8 = frozenset({"utf-8", "utf8"})
# Space and comments may come before it, nothing else: a body that starts like this is a page of its own.
_DOCUMENT = re.compile(r"(?:\s|<!--.*?-->)*+<(?:!doctype|html|head|body)(?=[\s/>])", re.IGNORECASE | re.DOTALL)
_DOCUMENT_WITHIN = 4096
# A reference to DEL, which no body may hold, in any spelling that a parser reads as one.
_DEL = re.compile(rb"&#(?:0*127(?![0-9])|[xX]0*7[fF](?![0-9a-fA-F]))")
# A shorter tag can not hold so many attributes that parsing them takes long.
_LONG = 48 * 1024
# A tag up to its end, or as far as it takes to know that it holds too much.
_PARTS_MAX = 10_001
_TAG = re.compile(rf"""[a-z](?:[^"'>]++|"[^"]*+"?|'[^']*+'?){{0,{_PARTS_MAX}}}+""", re.IGNORECASE)
_QUOTED = re.compile(r""""[^"]*"|'[^']*'""")


def check_content_type(content_type: str | None) -> Refusal | None:
    """Whether the header names HTML in UTF-8; a charset that is left out means UTF-8."""
    if content_type is None:
        return Refusal(Reason.CONTENT_TYPE, "no content type")
    found = _TYPE.fullmatch(content_type)
    if found is None:
        return Refusal(Reason.CONTENT_TYPE, f"{content_type[:60]!r} is not text/html")
    charset = _CHARSET.search(found["parameters"] or "")
    if charset is not None and charset["name"].lower() not in _UTF8:
        return Refusal(Reason.ENCODING, f"declared as {charset['name'][:40]!r}; only UTF-8 is read")
    return None


def decode(body: bytes, limits: Limits) -> str | Refusal:
    """The text of `body`, none of its tags too large to parse."""
    if b"\0" in body:
        return Refusal(Reason.ENCODING, "the body holds NUL")
    if b"\x7f" in body:
        return Refusal(Reason.ENCODING, "the body holds the control character DEL")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        return Refusal(Reason.ENCODING, f"not UTF-8 at byte {error.start}")
    if b"&" in body and _DEL.search(body):
        return Refusal(Reason.ENCODING, "the body refers to the control character DEL")
    return _judge_tags(body, text, limits) or text


def _judge_tags(body: bytes, text: str, limits: Limits) -> Refusal | None:
    if len(body) > _LONG and any(_words(tag) > limits.tag_words_max for tag in text.split("<")[1:] if len(tag) > _LONG):
        return Refusal(Reason.OVERSIZE, f"more than {limits.tag_words_max} words in one tag")
    if _DOCUMENT.match(text[:_DOCUMENT_WITHIN]):
        return Refusal(Reason.UNSAFE_HTML, "a whole document, not a fragment")
    return None


def _words(after_opening: str) -> int:
    """At least as many as the attributes of the tag that begins here, or more than any limit allows."""
    found = _TAG.match(after_opening)
    if found is None:
        return 0
    if after_opening[found.end() : found.end() + 1] not in ("", ">"):
        return _PARTS_MAX
    return len(_QUOTED.sub(" ", found[0]).replace("/", " ").split())
