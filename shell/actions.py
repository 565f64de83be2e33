"""A form or htmx action -> the fragment that owns it.

The shell checks who, from where and once (session, same origin, Idempotency-Key) and passes the form on; what it
means is the fragment's business. Public: `act`.
"""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote
from uuid import uuid4

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.response import HttpResponseRedirectBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from msgspec import structs

from bff.contracts import headers
from bff.contracts.idempotency import FORM_KEY_FIELD, is_form_key
from bff.contracts.own_write import is_receipt_id, is_sequence
from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.message import Response
from bff.resilience.outcome import Failure, Outcome, State
from shell.action_answers import Meaning, Verdict, read_meaning
from shell.composition.body import Body, read_body
from shell.composition.django_view import composed
from shell.composition.include import Include
from shell.composition.ladder import Included, included_from_outcome
from shell.composition.page import Page, Slot, split_tag
from shell.composition.page_names import NAMES_TAKEN, PageNames, read_names_taken
from shell.composition.preview import snapshot_shown
from shell.composition.release import Release
from shell.composition.requests import action_request
from shell.composition.seats import seated
from shell.composition.upstreams import ACTION_MS
from shell.forms import FormRefused, read_form
from shell.page_policy import page_policy
from shell.pages.notice import holds_the_form, notice, unavailable
from shell.players.authentication import find_actor
from shell.players.session import SessionUnverified
from shell.proxy.address import AddressRefused, query_passes, read_address
from shell.proxy.locations import Place
from shell.security import content_security_policy
from shell.visits import Incoming, changed_cookie, visit_of
from shell.wiring import parts

_TOPIC = re.compile(r"[a-z][a-z0-9_.-]{0,63}")

_GONE = "This part of the page has changed since it was loaded, so nothing was sent. Reload the page and try again."
_NOTHING = "There is no such action. Nothing was done; reload the page and try again."

logger = log.get("actions")


class _SeeOther(HttpResponseRedirectBase):
    status_code = 303


# The middleware has required the same origin already; a token in every fragment's form would tie its HTML to the shell.
@csrf_exempt
@require_POST
async def act(request: HttpRequest, **_: str) -> HttpResponseBase:
    """Carry one action to its fragment and answer with the slot: swapped by htmx, by a redirect without JavaScript."""
    found = _find(request)
    if isinstance(found, HttpResponse):
        return found
    try:
        identity = await find_actor(request.COOKIES)
    except SessionUnverified as error:
        logger.warning("action_not_sent", slot=found.slot.name, fragment=found.slot.fragment, error=str(error))
        return unavailable(request, "Your sign-in can not be checked for the moment, so nothing was sent. Try again.")
    if identity is None:
        return _signed_out(request, found.page.path(found.params))
    try:
        form = await read_form(request, parts().upstreams.proxy_policy)
    except FormRefused as refused:
        return notice(request, refused.status, str(refused))
    idempotency_key = request.headers.get(headers.IDEMPOTENCY_KEY) or request.POST.get(FORM_KEY_FIELD) or uuid4().hex
    if not is_form_key(idempotency_key):
        return notice(request, 400, "The form came without its key. Nothing was done; reload the page.")
    incoming = Incoming.of(request.scope)  # type: ignore[attr-defined]  # ASGI requests have it
    visit = visit_of(incoming, found.page, found.params, identity)
    include = Include(found.slot, visit, found.release)
    sent = action_request(
        found.url,
        include,
        parts().bearer,
        content_type=form.content_type,
        body=form.body,
        idempotency_key=idempotency_key,
    )
    deadline = Deadline.after_ms(time.monotonic(), ACTION_MS)
    # Invalid answers for one player must not affect other players.
    resource = (visit.player, found.url.partition("?")[0])
    answer = await parts().upstreams.actions_of(found.release).call(sent, deadline, resource=resource)
    return await _answered(request, include, answer, found.place(include), idempotency_key)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a form goes."""

    page: Page
    params: Mapping[str, str]
    slot: Slot
    release: Release
    name: str
    url: str

    def place(self, include: Include) -> Place:
        """Where that lies for a browser."""
        target_url = self.release.proxy_url(self.name, "") or self.url
        is_page = parts().pages.match
        return Place(
            self.url,
            target_url,
            include.prefix,
            self.name,
            settings.PUBLIC_URL,
            lambda path: is_page(path) is not None,
            frozenset(origin.rstrip("/").lower() for origin in settings.FORM_ORIGINS),
        )


def _find(request: HttpRequest) -> _Target | HttpResponse:
    """The fragment's address behind a form's, read as that of its API; or what is said where there is none."""
    scope = request.scope  # type: ignore[attr-defined]  # ASGI requests have it
    query = scope["query_string"].decode("latin-1")
    try:
        address = read_address(scope.get("raw_path") or b"", request.path)
    except AddressRefused:
        address = None
    if address is None or not query_passes(query):
        return notice(request, 404, _NOTHING)
    found, snapshot = parts().pages.by_key(address.key), snapshot_shown(parts().registry.current)
    if found is not None:
        found = (seated(found[0], snapshot), found[1])
    name, tag = split_tag(address.slot)
    slot = found[0].slot(name) if found else None
    release = snapshot.drawn_by(slot.fragment, tag) if slot else None
    if slot is not None and release is None and tag:
        return notice(request, 409, _GONE)
    url = release.proxy_url(address.target, address.rest) if release else None
    if found is None or slot is None or release is None or url is None:
        return notice(request, 404, _NOTHING)
    if query:
        url += ("&" if "?" in url else "?") + query
    return _Target(*found, slot, release, address.target, url)


async def _answered(
    request: HttpRequest, include: Include, answer: Response | Failure, place: Place, idempotency_key: str
) -> HttpResponseBase:
    meaning = read_meaning(include, answer, place)
    if isinstance(answer, Failure):
        return _unconfirmed(request, include, answer, meaning, idempotency_key)
    if meaning.verdict is Verdict.SHOWN:
        body = read_body(include, answer, accept=frozenset({answer.status}))
        if isinstance(body, Failure):
            return _unconfirmed(request, include, body, _of_unshown(answer.status), idempotency_key)
    elif meaning.verdict in (Verdict.REFUSED, Verdict.OPEN):
        failure = read_body(include, answer, accept=frozenset())
        assert isinstance(failure, Failure), "nothing was to be accepted"
        return _unconfirmed(request, include, failure, meaning, idempotency_key)
    else:
        body = None
    logger.info(
        "action_answered",
        slot=include.slot.name,
        fragment=include.slot.fragment,
        status=answer.status,
        key=idempotency_key,
    )
    # What other slots show is not for a fragment to say that is not trusted.
    topics, sequence = _changed(None if include.published.sandboxed else answer.headers.get(headers.CHANGED))
    response = await _confirmed(request, include, answer, body, meaning, topics, sequence)
    if sequence and request.headers.get("HX-Request") != "true":
        response.headers["Set-Cookie"] = changed_cookie(sequence)
    return response


async def _confirmed(
    request: HttpRequest,
    include: Include,
    answer: Response,
    body: Body | None,
    meaning: Meaning,
    topics: list[str],
    sequence: str,
) -> HttpResponseBase:
    """What a browser sees of an action that was answered; `body` is the answer's HTML, if it is to be shown."""
    slot, visit = include.slot, include.visit
    htmx = request.headers.get("HX-Request") == "true"
    receipt = answer.headers.get(headers.RECEIPT) or ""
    received = answer.status in (200, 201, 202) and is_receipt_id(receipt)
    if received:
        include = Include(slot, structs.replace(visit, receipts={slot.name: receipt}), include.release)
    if meaning.verdict is Verdict.SENT_ON:
        return _sent_on(meaning.location, htmx=htmx)
    if htmx:
        included = (
            included_from_outcome(include, Outcome(State.FRESH, body)) if body else await _anew(include, sequence)
        )
        return _swap(included, include, read_names_taken(request.headers.get(NAMES_TAKEN)), topics, sequence)
    if received:
        return _SeeOther(f"{visit.path}?{slot.name}.receipt={quote(receipt)}#slot-{slot.name}")
    if body is None:
        return _SeeOther(f"{visit.path}#slot-{slot.name}")
    included = included_from_outcome(include, Outcome(State.FRESH, body))
    snapshot = snapshot_shown(parts().registry.current)
    response = await composed(parts().composer, visit, snapshot, answered=included)
    response.headers["Content-Security-Policy"] = page_policy(visit, snapshot) or content_security_policy()
    return response


def _sent_on(location: str, *, htmx: bool) -> HttpResponse:
    if not htmx:
        return _SeeOther(location)
    response = HttpResponse(status=200)
    response.headers["HX-Redirect"] = location
    response.headers["HX-Reswap"] = "none"
    return response


async def _anew(include: Include, sequence: str) -> Included:
    """The slot rendered anew after the action, whose answer had no HTML."""
    visit = structs.replace(include.visit, min_sequence=sequence or include.visit.min_sequence)
    deadline = Deadline.after_ms(time.monotonic(), parts().composer.page_deadline_ms)
    return await parts().composer.includer.include(Include(include.slot, visit, include.release), deadline)


def _of_unshown(status: int) -> Meaning:
    """The verdict on an action whose HTML can not be shown: with a 200 or 202 only the HTML has the result."""
    if status == 201:
        return Meaning(Verdict.DONE)
    return Meaning(Verdict.REFUSED if status in (400, 422) else Verdict.OPEN)


def _changed(value: str | None) -> tuple[list[str], str]:
    """(topics, sequence) of a `Mullion-Changed` header; what is malformed is left out."""
    named, _, rest = (value or "").partition(";")
    topics = [topic for part in named.split(",") if _TOPIC.fullmatch(topic := part.strip())]
    sequence = rest.strip().removeprefix("sequence=")
    return topics, sequence if is_sequence(sequence) else ""


def _swap(
    included: Included, include: Include, page_names: PageNames, topics: list[str], sequence: str
) -> HttpResponse:
    response = HttpResponse(parts().composer.wrapper.wrap(included, include, page_names))
    response.headers["Cache-Control"] = "private, no-store"
    name, events = included.slot.name, {}
    if topics:
        events["mullion:changed"] = {"topics": topics, "sequence": sequence, "slot": name}
    if receipt := include.receipt:
        events["mullion:received"] = {"slot": name, "receipt": receipt}
    if events:
        response.headers["HX-Trigger"] = json.dumps(events)
    return response


def _unconfirmed(
    request: HttpRequest, include: Include, failure: Failure, meaning: Meaning, idempotency_key: str
) -> HttpResponse:
    """No answer that can be shown. The form stays as it is, key included: sending it again can not do it twice."""
    slot, back = include.slot, include.visit.path
    logger.warning(
        "action_failed",
        slot=slot.name,
        fragment=slot.fragment,
        version=include.published.manifest.version,
        reason=str(failure.reason),
        detail=failure.detail,
        verdict=meaning.verdict.name.lower(),
        key=idempotency_key,
    )
    if not failure.sent:
        words = (
            "This part of the page can not be reached, so nothing was sent. What you typed is still there; try again."
        )
        # All that it says is over as soon as that part can be reached.
        return notice(request, 503, words, ends="healed", again=True, back=back, key=idempotency_key)
    if meaning.verdict is Verdict.DONE:
        return notice(request, 200, "This went through. What came of it can not be shown; reload the page.", back=back)
    if meaning.verdict is Verdict.REFUSED:
        words = "This was refused, so nothing was done."
        words += f" {meaning.words}" if meaning.words else " What you typed is still there."
        return notice(request, 422, words, again=True, back=back, key=idempotency_key)
    words = "No answer came, so this may or may not have gone through. Look at your history before you change anything"
    if holds_the_form(request):
        words += "; sending the same form again can not do it twice"
    words += f". Reference {idempotency_key}."
    return notice(request, 504, words, again=True, back=back, key=idempotency_key)


def _signed_out(request: HttpRequest, path: str) -> HttpResponseBase:
    sign_in = f"{settings.LOGIN_URL}?next={quote(path)}&ended=1"
    words = "Your sign-in has ended, so nothing was sent. Sign in and send it again; what you typed is still here."
    if request.headers.get("HX-Request") == "true":
        return notice(request, 401, words, link=sign_in)
    return _SeeOther(sign_in)
