"""From a fragment's answer to HTML that may stand in the page, once per distinct body.

Public: `Contained`, `Container`, `Refusal`, `contain`.
"""

from codecs import BOM_UTF8
from dataclasses import dataclass

from bff.resilience.policies import house_policy
from bff.resilience.reason import Reason
from shell.composition.contain.blank import is_blank
from shell.composition.contain.clean import Cleaner
from shell.composition.contain.cost import WEIGHTS, Spending, parsing_ns
from shell.composition.contain.decode import check_content_type, decode
from shell.composition.contain.fast_path import PIECE_FIRST, contained_unchanged
from shell.composition.contain.limits import Limits
from shell.composition.contain.links import Isolation, LinkPolicy, Reach
from shell.composition.contain.lru_cache import LruCache
from shell.composition.contain.refusal import Refusal, Stop
from shell.composition.contain.sentinel import survives

_ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Contained:
    """`html` is UTF-8 and safe to write into the slot; `notes` says what was taken out.

    Nothing can be seen of one that is `blank`, unless a script or a stylesheet draws it.
    """

    html: bytes
    notes: tuple[str, ...]
    blank: bool = False


class Container:
    """Contains bodies and caches the results, within `limits.cache_bytes_max` bytes."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or house_policy("contain", Limits())
        self._cache: LruCache[Contained | Refusal] = LruCache(self.limits.cache_bytes_max)

    @property
    def cached_bytes(self) -> int:
        """What the cached bodies count for."""
        return self._cache.bytes

    def contain(
        self,
        body: bytes,
        content_type: str | None,
        *,
        prefix: str,
        isolation: Isolation,
        links: LinkPolicy,
        sandboxed: bool = False,
        places: tuple[str, ...] = (),
    ) -> Contained | Refusal:
        """`body` made fit for the slot whose public prefix is `prefix` (`/slots/lobby/wallet`), or why it is not.

        `content_type` is the answer's header as it came. What is `sandboxed` makes no script of the page act.
        `places` names the slots inside this one: an empty `<slot name="…">` is left where the body marks one.
        """
        if not prefix.startswith("/") or prefix.endswith("/"):
            raise ValueError(f"a slot's prefix starts with a slash and does not end with one: {prefix!r}")
        wrong = check_content_type(content_type)
        if wrong is not None:
            return wrong
        if len(body) > self.limits.body_bytes_max:
            return Refusal(Reason.OVERSIZE, f"{len(body)} bytes; at most {self.limits.body_bytes_max} are read")
        reach = Reach(prefix, isolation, links, sandboxed, places)
        key = (body, reach)  # the body itself: no two bodies can be taken for each other
        contained = self._cache.get(key)
        if contained is None:
            contained = _contain(body, reach, self.limits)
            self._cache.put(
                key, contained, len(body) + (len(contained.html) if isinstance(contained, Contained) else 0)
            )
        return contained


def _contain(body: bytes, reach: Reach, limits: Limits) -> Contained | Refusal:
    body = body.removeprefix(BOM_UTF8)
    text = decode(body, limits)
    if isinstance(text, Refusal):
        return text
    spending = Spending(limits)
    cleaner = Cleaner(reach, limits, spending)
    try:
        pieces = body.split(b"</")
        closings, html = len(pieces) - 1, None
        spending.charge(parsing_ns(body, closings), "its size, its tags and its references")
        # Where an element stands decides what it may be called in a shared tree: only a walk can say that.
        if reach.isolation == "shadow" and not reach.sandboxed and closings <= WEIGHTS.fast_path_closings_max:
            # Charged for both ways, whichever is taken, so that the verdict does not depend on what other bodies left
            # in the cache.
            spending.charge(closings * WEIGHTS.fast_path, "its end tags")
            html = contained_unchanged(pieces, reach, limits, spending) if limits.fast_path else None
        html = html or _settle(text, cleaner, reach, limits, spending)
        return Contained(html, cleaner.notes, is_blank(html, spending))
    except Stop as stop:
        return stop.refused


def _settle(text: str, cleaner: Cleaner, reach: Reach, limits: Limits, spending: Spending) -> bytes:
    """Clean until a parser, at work in the shell's page, builds exactly what was cleaned; raises `Stop`."""
    for _ in range(_ROUNDS):
        html = cleaner.clean(text)
        written = html.encode()
        if len(written) > limits.body_bytes_max:
            raise Stop(Reason.OVERSIZE, f"{len(written)} bytes when written out")
        there = survives(html, reach.isolation)
        if there is None:
            raise Stop(Reason.UNSAFE_HTML, "it would change the page around it")
        if PIECE_FIRST.match(written):
            raise Stop(Reason.UNSAFE_HTML, "a part of a table without its table")
        if there == html:
            if cleaner.saw_noscript and survives(html, reach.isolation, scripting=True) != html:
                raise Stop(Reason.UNSAFE_HTML, "its noscript means something else to a browser with scripts")
            return written
        text = there
        spending.charge(parsing_ns(there.encode(), there.count("</")), "parsing it once more")
    raise Stop(Reason.UNSAFE_HTML, "it means something else each time it is parsed")


_shared = Container()
contain = _shared.contain
