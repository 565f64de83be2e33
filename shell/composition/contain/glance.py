"""Start tags that were looked at before, so that a body which changed in a few words is not walked again.

Public: `worth_it`, `Glance`, `glance_of`.

A serialised tree writes every element's start tag as `<`, its name, ` name="value"` for each attribute with quotes and
ampersands escaped, and `>`; text never holds a bare `<`. So what follows each `<` up to the next `>` or `<` begins a
start tag, an end tag or a comment, or lies within a value. All but end tags have to fit the whole of that form, or
nothing is said about the body: a value or a name with a bare angle bracket cuts its tag short, and a name with a quote
in it fits nothing.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from shell.composition.contain import elements
from shell.composition.contain.elements import TAME, Check
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
# ` a=""`: no attribute is written shorter.
_ATTRIBUTE_CHARS_MIN = 5
_EQUALS_MIN = 250
_KEPT_MAX = 1024
_TAG_CHARS_MAX = 400
_NEW_MAX = 400
_SHAPES_MAX = 512
_REACHES_KEPT = 32


def worth_it(text: str) -> bool:
    """Whether a glance at what `text` is parsed to may say something sooner than a walk, which dwells on attributes."""
    return text.count("=") >= _EQUALS_MIN and "<svg" not in text


class Glance:
    """What is known of start tags within one `reach`. Bounded; safe to share between threads."""

    def __init__(self, reach: Reach, limits: Limits) -> None:
        self._reach = reach
        self._chars_max = limits.attributes_total_max * _ATTRIBUTE_CHARS_MIN
        self._attributes_max = limits.attributes_max
        # Tags that may stay, and how a serialiser writes them.
        self._known: dict[str, str] = {}
        # None for those that no tag may have.
        self._shapes: dict[str, _Shape | None] = {}
        # What stood between one `<` and the next in the body that passed last: the next one says most of it again.
        self._last: frozenset[str] = frozenset()

    def passes(self, html: str) -> bool:
        """Whether all tags of `html`, written as a parser's tree is written out, may stay as they are.

        False where one may not, or where only a walk over the tree can say. What a `<select>` holds is not looked at.
        """
        return self.spellings(html) == {}

    def spellings(self, html: str) -> dict[str, str] | None:
        """For each piece of `html` between one `<` and the next whose start tag a serialiser writes otherwise: how.

        None where a tag may not stay, or where nothing can be said.
        """
        if len(html) > self._chars_max:
            return None
        pieces = frozenset(html.split("<")[1:])
        starts = [piece for piece in pieces - self._last if piece[:1] != "/"]
        tags = {piece.partition(">")[0] for piece in starts}
        known = self._known
        new = tags.difference(known)
        if len(new) > _NEW_MAX or not tags.isdisjoint(starts):  # one of them has no end
            return None
        if new:
            looked: dict[str, str] = {}
            for tag in new:
                written = self._look(tag)
                if written is None:
                    return None
                looked[tag] = written
            if len(known) + len(new) > _KEPT_MAX:
                known = {tag: known[tag] for tag in tags - new}
            # Another dictionary, as somebody may be at work with the one before.
            self._known = known = known | looked
        otherwise: dict[str, str] = {}
        if any(known[tag] != tag for tag in tags):
            for piece in starts:
                tag, end, text = piece.partition(">")
                if known[tag] != tag:
                    otherwise[piece] = known[tag] + end + text
        self._last = pieces.difference(otherwise)
        return otherwise

    def _look(self, tag: str) -> str | None:
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
            if not check(_read(value) if "&" in value else value, self._reach):
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


class _Shape(NamedTuple):
    """What start tags that differ in their values alone have in common, as split at their quotes.

    `checks` are the values to look at, by place; 0 is one that was left out. `otherwise` is what a serialiser writes
    around the values, None where the tag does so already.
    """

    checks: tuple[tuple[int, Check], ...]
    otherwise: tuple[str, ...] | None


def _read(written: str) -> str:
    """The value that a serialiser wrote so."""
    for reference, character in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"), ("&amp;", "&")):
        written = written.replace(reference, character)
    return written


@lru_cache(maxsize=_REACHES_KEPT)
def glance_of(reach: Reach, limits: Limits) -> Glance:
    """What is known within `reach`, where `limits` are kept."""
    return Glance(reach, limits)
