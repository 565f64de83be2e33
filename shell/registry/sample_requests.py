"""Sample requests: those that pages will send for a fragment's content, made while publishing without a real visitor.

Public: `SampleRequest`, `sample_requests`, `places_of`, `NOBODY`.
"""

from dataclasses import dataclass, replace

from django.conf import settings

from bff.resilience.message import Request
from shell.composition.include import Include
from shell.composition.page import Page, PageTable, Slot, Visit
from shell.composition.release import Release
from shell.composition.requests import Bearer, content_request

# The player id of sample requests; no account has it.
NOBODY = "publishing"


@dataclass(frozen=True, slots=True)
class SampleRequest:
    """One request of a page, for what it includes. `where` names page and slot for a message.

    `places` names the slots that stand inside it, on any page that asks the same.
    """

    where: str
    include: Include
    request: Request
    places: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        return self.include.prefix


def sample_requests(
    release: Release, pages: PageTable, bearer: Bearer | None
) -> tuple[tuple[SampleRequest, ...], tuple[str, ...]]:
    """(a sample request for each address of `release` in the slots of `pages`, a sentence for each that can not be
    made).

    For a release that no page names, its content is requested. Without a `bearer` the requests are a visitor's.
    """
    slots = [(page, slot) for page in pages.pages for slot in page.slots if slot.fragment == release.fragment]
    if not slots:
        slot = Slot("content", release.fragment)
        slots = [(Page("publish", "/", "", (slot,)), slot)]
    samples: dict[str, SampleRequest] = {}
    notes = []
    for page, slot in slots:
        where = f"{page.name}.{slot.name}"
        if page.params and not page.samples:
            notes.append(f"content: {where} was not asked for, as pages.{page.name} declares no samples")
            continue
        include = Include(slot, _visit(page, NOBODY if bearer else ""), release)
        request = content_request(include, bearer or _no_bearer)
        sample = samples.setdefault(request.url, SampleRequest(where, include, request))
        samples[request.url] = replace(sample, places=tuple(dict.fromkeys((*sample.places, *include.places))))
    return tuple(samples.values()), tuple(notes)


def places_of(fragment: str, pages: PageTable) -> tuple[str, ...]:
    """The names of all slots that stand inside one of `fragment` on a page."""
    around = [(page, slot) for page in pages.pages for slot in page.slots if slot.fragment == fragment]
    return tuple(dict.fromkeys(inner.name for page, slot in around for inner in page.nested.get(slot.name, ())))


def _visit(page: Page, player: str) -> Visit:
    return Visit(
        page=page,
        params=page.samples,
        language=settings.LANGUAGE_CODE,
        locale=settings.LOCALES[0],
        currency=settings.CURRENCY,
        origin=settings.PUBLIC_URL,
        player=player,
    )


def _no_bearer(visit: Visit, audience: str, scopes: frozenset[str], life_s: int) -> str:
    raise AssertionError("nobody is signed in, so nobody needs a bearer")
