"""Start tags that were looked at before, so that a body which changed in a few words is not walked again.

Public: `worth_it`, `Glance`, `glance_of`.

A serialised tree writes every element's start tag as `<`, its name, ` name="value"` for each attribute with quotes and
ampersands escaped, and `>`; text never holds a bare `<`. So what follows each `<` up to the next `>` or `<` begins a
start tag, an end tag or a comment, or lies within a value. All but end tags have to fit the whole of that form, or
nothing is said about the body: a value with a bare angle bracket cuts its tag short, and a name with a quote in it fits
nothing.
"""

import re
from functools import lru_cache

from shell.composition.contain import elements
from shell.composition.contain.elements import TAME
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Reach

_ATTRIBUTE = re.compile(r' ([a-z][a-z0-9._:-]*)="([^"<>]*)"')
_START = re.compile(rf'((?:{TAME})?[a-z][a-z0-9._-]*)((?: [a-z][a-z0-9._:-]*="[^"<>]*")*)')
# Their content is parsed or checked in ways of its own.
_APART = frozenset({"template", "noscript"})
# Those that say where others may stand.
_FRAMING = frozenset({"form", "select"})
# ` a=""`: no attribute is written shorter.
_ATTRIBUTE_CHARS_MIN = 5
_EQUALS_MIN = 250
_KEPT_MAX = 1024
_TAG_CHARS_MAX = 400
_NEW_MAX = 400
_REACHES_KEPT = 32


def worth_it(text: str, limits: Limits) -> bool:
    """Whether a glance at `text` may say something, and sooner than a walk: that takes time for attributes alone."""
    return _attributes_pass(text, limits) and text.count("=") >= _EQUALS_MIN and "<svg" not in text


class Glance:
    """What is known of start tags within one `reach`. Bounded; safe to share between threads."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        # What a tag frames ("form", "select"), "" for most. Only tags that may stay as they are stand here.
        self._good: dict[str, str] = {}

    def passes(self, html: str, limits: Limits) -> set[str] | None:
        """What is framed in `html`, as a parser's tree was written out, where every tag of it may stay as it is.

        None where one may not, or where only a walk over the tree can say.
        """
        if not _attributes_pass(html, limits):
            return None
        tags = {piece.partition(">")[0] for piece in html.replace("</", "").split("<")[1:]}
        good = self._good
        new = tags.difference(good)
        if new:
            if len(new) > _NEW_MAX:
                return None
            looked: dict[str, str] = {}
            for tag in new:
                frames = self._look(tag, limits)
                if frames is None:
                    return None
                looked[tag] = frames
            if len(good) + len(new) > _KEPT_MAX:
                # Another dictionary, as somebody may be at work with this one.
                good = {tag: good.get(tag, "") for tag in tags.difference(new)}
            self._good = good = good | looked
        framed = {good[tag] for tag in tags}
        framed.discard("")
        return framed

    def _look(self, tag: str, limits: Limits) -> str | None:
        found = _START.fullmatch(tag) if len(tag) <= _TAG_CHARS_MAX else None
        if found is None or found[1] in _APART:
            return None
        name = found[1]
        rules = elements.HTML.get(name) or (elements.CUSTOM if elements.is_custom(name) else None)
        if rules is None:
            return None
        attributes = _ATTRIBUTE.findall(found[2])
        if len(attributes) > limits.attributes_max:
            return None
        checks = rules.checks[self._reach.isolation]
        for attribute, written in attributes:
            check = checks.get(attribute, elements.unlisted)
            if check is elements.unlisted:
                check = elements.other(attribute, name)
            if check is not None and not check(_read(written), self._reach):
                return None
        return name if name in _FRAMING else ""


def _attributes_pass(html: str, limits: Limits) -> bool:
    return len(html) <= limits.attributes_total_max * _ATTRIBUTE_CHARS_MIN


def _read(written: str) -> str:
    """The value that a serialiser wrote so."""
    if "&" not in written:
        return written
    for reference, character in (("&quot;", '"'), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"), ("&amp;", "&")):
        written = written.replace(reference, character)
    return written


@lru_cache(maxsize=_REACHES_KEPT)
def glance_of(reach: Reach) -> Glance:
    """What is known within `reach`."""
    return Glance(reach)
