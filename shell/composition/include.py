"""One include: an attempt to fill a slot, and all that follows from which slot, visit and release it is about.

Public: `Include`.
"""

from urllib.parse import urlencode

import msgspec
from django.utils.functional import cached_property  # the standard library's takes a lock, up to Python 3.11

from bff.contracts.manifest import Audience
from bff.resilience.last_good import Key
from shell.composition.page import TAG_SEPARATOR, Slot, Visit
from shell.composition.release import Release


class Include(msgspec.Struct, frozen=True, eq=False, dict=True):
    """`release` is the fragment's live one, None where none is. The rest is worked out once, when first needed."""

    slot: Slot
    visit: Visit
    release: Release | None

    @property
    def published(self) -> Release:
        """The release, for whatever is done only where there is one."""
        assert self.release is not None, "the caller has seen to what is not published"
        return self.release

    @cached_property
    def prefix(self) -> str:
        """The slot's own public prefix; it stands for page, parameters and slot, and for the release where pages can
        hold another."""
        prefix = self.visit.page.prefix(self.slot, self.visit.params)
        return f"{prefix}{TAG_SEPARATOR}{self.release.tag}" if self.release is not None and self.release.tag else prefix

    @cached_property
    def pathname(self) -> str:
        """What the fragment is asked for."""
        return self.slot.path(self.visit.params)

    @cached_property
    def audience(self) -> Audience:
        """For whom the release renders this."""
        return self.published.manifest.mullion.audience_of(self.pathname)

    @property
    def receipt(self) -> str:
        """The receipt that the slot is to show, empty without one."""
        return self.visit.receipts.get(self.slot.name, "")

    @property
    def places(self) -> tuple[str, ...]:
        """The names of the slots that stand inside this one."""
        nested = self.visit.page.nested
        return tuple(slot.name for slot in nested.get(self.slot.name, ())) if nested else ()

    @cached_property
    def query(self) -> dict[str, str]:
        """The slot's query parameters out of the page's query, by the slot's own names."""
        named = self.visit.queries.get(self.slot.name, {})
        return {name: named[name] for name in self.slot.query if name in named}

    @cached_property
    def query_string(self) -> str:
        """The same as the page's query writes it, empty when nothing is asked."""
        if not self.slot.query:
            return ""
        return urlencode({f"{self.slot.name}.{name}": value for name, value in self.query.items()})

    @cached_property
    def refetch_query(self) -> str:
        """The same with the receipt that the slot shows: a refetch must still show the result of a command."""
        if not self.receipt:
            return self.query_string
        shown = urlencode({f"{self.slot.name}.receipt": self.receipt})
        return f"{self.query_string}&{shown}" if self.query_string else shown

    @property
    def unshared(self) -> bool:
        """Whether the include concerns something that only this visit did, so that no other visit's answer may be used
        for it.
        """
        return bool(self.visit.min_sequence or self.receipt)

    @cached_property
    def key(self) -> Key:
        """Whose copy of what. The prefix is part of the HTML, as is the query."""
        visit, release = self.visit, self.published
        parts = (
            *release.identity,
            self.pathname,
            self.prefix,
            self.query_string,
            visit.locale,
            visit.currency,
            visit.device,
            *self.places,
        )
        if self.audience == "shared":
            return Key.for_everybody("shared", *parts)
        if visit.player:
            return Key.for_player(visit.player, *parts)
        return Key.for_everybody("visitor", *parts)
