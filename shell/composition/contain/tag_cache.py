"""Start tags that were looked at before, so that a body which changed in a few words is not walked again.

Public: `TagCache`, `tag_cache_of`.

A serialised tree writes every element's start tag as `<`, its name, ` name="value"` for each attribute with quotes and
ampersands escaped, and `>`; text never holds a bare `<`. So what follows each `<` up to the next `>` or `<` begins a
start tag, an end tag or a comment, or lies within a value. All but end tags have to fit the whole of that form, or
nothing is said about the body: a value or a name with a bare angle bracket cuts its tag short, and a name with a quote
in it fits nothing. What a serialiser makes of such a piece depends on nothing but the piece. So it is remembered, for
all that stands between one end tag and the next at once, and the next body costs what is new in it. Bodies are cut in
UTF-8, where no other character holds a byte that says `<`; only what is new becomes text.
"""

import re
from collections.abc import Set
from functools import lru_cache
from html import unescape
from html.entities import html5
from typing import NamedTuple, cast

from shell.composition.contain import elements
from shell.composition.contain.check import Check
from shell.composition.contain.comments import is_marker
from shell.composition.contain.elements import TAME
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Reach

# Of a start tag without its values, one of the two quotes is left of each; this stands for a value that was left out.
_NO_VALUE = "\x01"
_START = re.compile(rf'((?:{TAME})?[a-z][a-z0-9._-]*)((?: [a-z][a-z0-9._:-]*=["{_NO_VALUE}])*)')
_ATTRIBUTE = re.compile(r" ([^ =]+)=(.)")
_BARE = re.compile(r" ([a-z][a-z0-9._:-]*)(?= |$)")
_SPACES = " \t\n\f"
_SPACE = re.compile(f"[{_SPACES}]+")
# Their content is parsed or checked in ways of its own.
_APART = frozenset({"template", "noscript"})
# As a serialiser writes them; any other reference it writes as its character.
_WRITTEN_AS_NAMES = frozenset({"&amp;", "&lt;", "&gt;", "&quot;", "&nbsp;"})
_RESERVED = frozenset('&<>"\xa0')
# Stands for a reference that takes a parser; no body holds it.
_UNREAD = "\0"
# Stands before the beginning of a body, which follows no end tag; no body holds it.
_BEGINNING = b"\0"
_COMMENT_BEGINS = b"<!"
_REFERENCE = re.compile(r"&(?:[a-zA-Z][a-zA-Z0-9]{1,30}|#(?:x[0-9a-fA-F]{2,5}|[0-9]{2,6}));")
# One without angle brackets in it, behind the `<`; what may end a comment early is left to a parser.
_COMMENT = re.compile(r"!--(?!-?>)(?:(?!--!?>)[^<])*-->")
# Within these a comment is text itself. Such text ends where an end tag begins, or it is written in another way.
_COMMENTS_ARE_TEXT = re.compile(rb"<(?:textarea|title)")
_TAGS_MAX = 1024
_PIECES_MAX = 2048
_REFERENCES_MAX = 2000
_PIECE_BYTES_MAX = 400
_TAG_CHARS_MAX = 400
_NEW_MAX = 400
_SHAPES_MAX = 512
_REACHES_MAX = 32
_MOSTLY_NEW_MAX = 4
_LEARN_EVERY = 16


class TagCache:
    """The start tags that were checked within one `reach`. Bounded; safe to share between threads."""

    def __init__(self, reach: Reach, limits: Limits) -> None:
        self._reach = reach
        self._bytes_max = limits.body_bytes_max
        self._attributes_max = limits.attributes_max
        # Tags that may stay, and how a serialiser writes them.
        self._tags: dict[str, str] = {}
        # None for those that no tag may have.
        self._shapes: dict[str, _Shape | None] = {}
        # What stood behind one `</` up to the next in the last few bodies, and how a serialiser writes it with that
        # `</`: the next one says most of it again.
        self._pieces: dict[bytes, bytes] = {}
        # How many bodies in a row were mostly cache misses.
        self._mostly_new = 0

    def serialised(self, pieces: list[bytes]) -> bytes | None:
        """HTML in UTF-8, cut at each `</`, as a serialiser writes the same, without comments that are no markers.

        None where a tag may not stay, or where nothing can be said.
        """
        pieces = [_BEGINNING + pieces[0], *pieces[1:]]
        cached = self._pieces
        written = list(map(cached.get, pieces))
        new = [place for place, found in enumerate(written) if found is None]
        if not self._worth_learning(len(new), len(pieces)):
            return None
        if new:
            fresh = self._serialise_pieces({pieces[place] for place in new})
            if fresh is None:
                return None
            for place in new:
                written[place] = fresh[pieces[place]]
            if len(cached) + len(fresh) > _PIECES_MAX:
                cached = self._pieces = {}
            for piece, serialised in fresh.items():
                if len(piece) <= _PIECE_BYTES_MAX:
                    cached[piece] = serialised
        whole = b"".join(cast("list[bytes]", written))
        return whole if len(whole) <= self._bytes_max else None  # attributes without a value have grown

    def _worth_learning(self, new: int, pieces: int) -> bool:
        """Whether to look at the `new` ones among `pieces`. Where body after body holds much that was not seen before,
        looking costs more than it saves: then only some are looked at, to learn when that ends."""
        if 4 * new <= pieces:
            self._mostly_new = 0
            return True
        self._mostly_new += 1
        return self._mostly_new <= _MOSTLY_NEW_MAX or self._mostly_new % _LEARN_EVERY == 0

    def _serialise_pieces(self, pieces: Set[bytes]) -> dict[bytes, bytes] | None:
        """How a serialiser writes each of `pieces` with its `</`; None where one can not be read."""
        if sum(piece.count(b"&") for piece in pieces) > _REFERENCES_MAX:
            return None
        serialised_pieces, new, serialised_tags = dict[bytes, bytes](), dict[str, str](), dict[str, str]()
        for piece in pieces:
            if _COMMENT_BEGINS in piece and _COMMENTS_ARE_TEXT.search(piece):
                return None
            source = piece[1:] if piece[:1] == _BEGINNING else b"</" + piece
            text, *tags = source.decode().split("<")
            written = [serialise_text(text)]
            for tag in tags:
                if tag not in serialised_tags:
                    serialised = self._serialise_piece(tag, new)
                    if serialised is None or len(new) > _NEW_MAX:
                        return None
                    serialised_tags[tag] = serialised
                written.append(serialised_tags[tag])
            if written[0] is None:
                return None
            serialised_pieces[piece] = "".join(cast("list[str]", written)).encode()
        if len(self._tags) + len(new) > _TAGS_MAX:
            self._tags = {}
        self._tags.update(new)
        return serialised_pieces

    def _serialise_piece(self, piece: str, new: dict[str, str]) -> str | None:
        """What begins with a `<` up to the next; start tags that are not known stand in `new` afterwards."""
        if piece[:1] == "!":
            # Where a comment goes, the text behind it follows the text before it.
            comment = _COMMENT.match(piece)
            text = serialise_text(piece[comment.end() :]) if comment else None
            if comment is None or text is None:
                return None
            return f"<{comment[0]}{text}" if is_marker(comment[0][3:-3]) else text
        tag, end, text = (serialise_text(piece) or "").partition(">")
        if not end:
            return None
        if tag[:1] == "/":
            return f"<{tag}>{text}"
        serialised = self._tags.get(tag) or new.get(tag)
        if serialised is None:
            serialised = self._checked_tag(tag)
            if serialised is None:
                return None
            new[tag] = serialised
        return f"<{serialised}>{text}"

    def _checked_tag(self, tag: str) -> str | None:
        """A start tag as a serialiser writes it; None where it may not stay or can not be read."""
        parts = tag.split('"')
        if len(tag) > _TAG_CHARS_MAX or len(parts) > 2 * self._attributes_max + 1 or len(parts) % 2 == 0:
            return None
        key, shapes = '"'.join(parts[::2]), self._shapes
        if key not in shapes:
            if len(shapes) >= _SHAPES_MAX:
                self._shapes = shapes = {}
            shapes[key] = self._shape(key)
        shape = shapes[key]
        if shape is None:
            return None
        for place, check in shape.checks:
            value = parts[place] if place else ""
            if not check(_value_of(value) if "&" in value else value, self._reach):
                return None
        if shape.otherwise is None:
            return tag
        parts[::2] = shape.otherwise
        return '"'.join(parts)

    def _shape(self, key: str) -> "_Shape | None":
        apart = [_BARE.sub(rf" \1={_NO_VALUE}", _SPACE.sub(" ", part)) for part in key.rstrip(_SPACES + "/").split('"')]
        found = None if _NO_VALUE in key else _START.fullmatch('"'.join(apart))
        if found is None or found[1] in _APART:
            return None
        name = found[1]
        rules = elements.HTML.get(name) or (elements.CUSTOM if elements.is_custom(name) else None)
        if rules is None:
            return None
        allowed, attributes = rules.checks[self._reach.isolation], _ATTRIBUTE.findall(found[2])
        names = [attribute for attribute, _ in attributes]
        if name == "form" and "action" not in names and "method" in names:
            return None  # it could post to the page
        checks: list[tuple[int, Check]] = []
        place = -1
        for attribute, value in attributes:
            place += 2 * (value != _NO_VALUE)
            check = allowed.get(attribute, elements.unlisted)
            if check is elements.unlisted:
                check = elements.other(attribute, name)
            if check is not None:
                checks.append((0 if value == _NO_VALUE else place, check))
        written = [part.replace(_NO_VALUE, '""') for part in apart]
        return _Shape(tuple(checks), None if '"'.join(written) == key else tuple(written))


def serialise_text(text: str) -> str | None:
    """`text` with line ends and references as a serialiser writes them; None where that takes a parser."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if "\xa0" in text:
        text = text.replace("\xa0", "&nbsp;")
    references = text.count("&")
    if not references:
        return text
    if references > _REFERENCES_MAX:
        return None
    written, others = _REFERENCE.subn(_character, text)
    # What was not understood has left its ampersand, and more than one reference may be written in the same way.
    return written if others == references and _UNREAD not in written else None


@lru_cache(maxsize=1024)
def _character_of(reference: str) -> str:
    """How a serialiser writes what `reference` stands for; `_UNREAD` where that takes a parser."""
    if reference in _WRITTEN_AS_NAMES:
        return reference
    if reference[1] != "#" and reference[1:] not in html5:
        return _UNREAD  # a parser may read the beginning of an unknown name
    character = unescape(reference)
    return _UNREAD if character in ("", reference) or not _RESERVED.isdisjoint(character) else character


def _character(found: re.Match[str]) -> str:
    return _character_of(found[0])


class _Shape(NamedTuple):
    """What start tags that differ in their values alone have in common, as split at their quotes.

    `checks` are the values to look at, by place; 0 is one that was left out. `otherwise` is what a serialiser writes
    around the values, None where the tag does so already.
    """

    checks: tuple[tuple[int, Check], ...]
    otherwise: tuple[str, ...] | None


def _value_of(written: str) -> str:
    """The value that a serialiser wrote so."""
    for reference, character in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"), ("&amp;", "&")):
        written = written.replace(reference, character)
    return written


@lru_cache(maxsize=_REACHES_MAX)
def tag_cache_of(reach: Reach, limits: Limits) -> TagCache:
    """The cache for `reach` and `limits`."""
    return TagCache(reach, limits)
