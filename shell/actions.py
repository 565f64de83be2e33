"""A form or htmx action -> the fragment that owns it.

The shell checks who, from where and once (session, same origin, Idempotency-Key) and passes the form on; what it
means is the fragment's business. Public: `act`.
"""

import json
import re
import time
from dataclasses import replace
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.http.response import HttpResponseRedirectBase
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from bff.contracts import headers
from bff.contracts.idempotency import is_form_key
from bff.resilience import log
from bff.resilience.deadline import Deadline
from bff.resilience.message import Response
from bff.resilience.outcome import Failure, Outcome, State
from shell.composition.body import read_body
from shell.composition.django_view import composed
from shell.composition.include import Include
from shell.composition.ladder import Included, included_from_outcome
from shell.composition.page import Slot, Visit, split_tag
from shell.composition.page_names import NAMES_TAKEN, PageNames, read_names_taken
from shell.composition.requests import action_request
from shell.composition.upstreams import ACTION_MS
from shell.pages.notice import notice, unavailable
from shell.players.session import SessionUnverified, find_identity
from shell.visits import RECEIPT, SEQUENCE, Incoming, changed_cookie, visit_of
from shell.wiring import parts

BODY_BYTES_MAX = 16 * 1024
_FORM = "application/x-www-form-urlencoded"
_REST = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*")
_TOPIC = re.compile(r"[a-z][a-z0-9_.-]{0,63}")
# What a fragment may answer an action with, besides failing: done, refused by the rules, in flight already.
_ANSWERS = frozenset({200, 202, 409, 422})

_GONE = "This part of the page has changed since it was loaded, so nothing was sent. Reload the page and try again."

logger = log.get("actions")


class _SeeOther(HttpResponseRedirectBase):
    status_code = 303


# The middleware has required the same origin already; a token in every fragment's form would tie its HTML to the shell.
@csrf_exempt
@require_POST
async def act(request: HttpRequest, key: str, slot_name: str, target: str, rest: str) -> HttpResponseBase:
    """Carry one action to its fragment and answer with the slot: swapped by htmx, by a redirect without JavaScript."""
    found = parts().pages.by_key(key)
    name, tag = split_tag(slot_name)
    slot = found[0].slot(name) if found else None
    release = parts().registry.current.drawn_by(slot.fragment, tag) if slot else None
    if slot is not None and release is None and tag:
        return notice(request, 409, _GONE)
    url = release.proxy_url(target, rest) if release and _REST.fullmatch(rest) else None
    if found is None or slot is None or release is None or url is None:
        return notice(request, 404, "There is no such action. Nothing was done; reload the page and try again.")
    try:
        identity = await find_identity(request.COOKIES.get(settings.SESSION_COOKIE_NAME, ""))
    except SessionUnverified as error:
        logger.warning("action_not_sent", slot=slot.name, fragment=slot.fragment, detail=str(error))
        return unavailable(request, "Your sign-in can not be checked for the moment, so nothing was sent. Try again.")
    if identity is None:
        return _signed_out(request, found[0].path(found[1]))
    if refused := _refused(request):
        return refused
    idempotency_key = request.headers.get("Idempotency-Key") or request.POST.get("idempotency_key", "")
    if not is_form_key(idempotency_key):
        return notice(request, 400, "The form came without its key. Nothing was done; reload the page.")
    incoming = Incoming.of(request.scope)  # type: ignore[attr-defined]  # ASGI requests have it
    visit = visit_of(incoming, *found, identity)
    include = Include(slot, visit, release)
    sent = action_request(url, include, parts().bearer, body=request.body, idempotency_key=idempotency_key)
    deadline = Deadline.after_ms(time.monotonic(), ACTION_MS)
    # What one player's answers are worth is nothing to another's.
    answer = await parts().upstreams.actions_of(release).call(sent, deadline, resource=(visit.player, url))
    return await _answered(request, include, answer, idempotency_key)


def _refused(request: HttpRequest) -> HttpResponse | None:
    """What is said of a body that no fragment gets to see."""
    if request.content_type != _FORM:
        return notice(request, 415, "Only a form can be sent here. Nothing was done.")
    if int(request.headers.get("Content-Length") or 0) > BODY_BYTES_MAX or len(request.body) > BODY_BYTES_MAX:
        return notice(request, 413, "The form is larger than this site takes. Nothing was done.")
    return None


async def _answered(
    request: HttpRequest, include: Include, answer: Response | Failure, idempotency_key: str
) -> HttpResponseBase:
    slot, visit = include.slot, include.visit
    if isinstance(answer, Failure):
        return _unconfirmed(request, visit, slot, answer, idempotency_key)
    body = read_body(include, answer, accept=_ANSWERS)
    if isinstance(body, Failure):
        return _unconfirmed(request, visit, slot, body, idempotency_key)
    included = included_from_outcome(include, Outcome(State.FRESH, body))
    # What other slots show is not for a fragment to say that is not trusted.
    changed = None if include.published.sandboxed else answer.headers.get(headers.CHANGED)
    topics, sequence = _changed(changed)
    logger.info("action_answered", slot=slot.name, fragment=slot.fragment, status=answer.status, key=idempotency_key)
    receipt = answer.headers.get(headers.RECEIPT) or ""
    received = answer.status in (200, 202) and RECEIPT.fullmatch(receipt) is not None
    if request.headers.get("HX-Request") == "true":
        shown = Include(slot, replace(visit, receipts={slot.name: receipt}), include.release) if received else include
        return _swap(included, shown, read_names_taken(request.headers.get(NAMES_TAKEN)), topics, sequence)
    if received:
        response: HttpResponseBase = _SeeOther(f"{visit.path}?{slot.name}.receipt={quote(receipt)}#slot-{slot.name}")
    else:
        response = await composed(parts().composer, visit, parts().registry.current, answered=included)
    if sequence:
        response.headers["Set-Cookie"] = changed_cookie(sequence)
    return response


def _changed(value: str | None) -> tuple[list[str], str]:
    """(topics, sequence) of a `Mullion-Changed` header; what is malformed is left out."""
    named, _, rest = (value or "").partition(";")
    topics = [topic for part in named.split(",") if _TOPIC.fullmatch(topic := part.strip())]
    sequence = rest.strip().removeprefix("sequence=")
    return topics, sequence if SEQUENCE.fullmatch(sequence) else ""


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
    request: HttpRequest, visit: Visit, slot: Slot, failure: Failure, idempotency_key: str
) -> HttpResponse:
    """No answer that can be shown. The form stays as it is, key included: sending it again can not do it twice."""
    logger.warning(
        "action_failed", slot=slot.name, fragment=slot.fragment, reason=str(failure.reason), key=idempotency_key
    )
    if not failure.sent:
        words = (
            "This part of the page can not be reached, so nothing was sent. What you typed is still there; try again."
        )
        # All that it says is over as soon as that part can be reached.
        return notice(request, 503, words, ends="healed", again=True, back=visit.path)
    words = (
        "No answer came, so this may or may not have gone through. Look at your history before you change anything; "
        f"sending the same form again can not do it twice. Reference {idempotency_key}."
    )
    return notice(request, 504, words, again=True, back=visit.path)


def _signed_out(request: HttpRequest, path: str) -> HttpResponseBase:
    sign_in = f"{settings.LOGIN_URL}?next={quote(path)}&ended=1"
    words = "Your sign-in has ended, so nothing was sent. Sign in and send it again; what you typed is still here."
    if request.headers.get("HX-Request") == "true":
        return notice(request, 401, words, link=sign_in)
    return _SeeOther(sign_in)
