"""Decides from a fragment's answer whether a form was carried out, as far as that is certain. No I/O.

Public: `Verdict`, `Meaning`, `read_meaning`.
"""

from dataclasses import dataclass
from enum import Enum

from bff.contracts import headers
from bff.contracts.problem import PROBLEM_TYPE, read_problem
from bff.resilience.framing import REDIRECTS
from bff.resilience.message import Response
from bff.resilience.outcome import Failure
from shell.composition.body import content_type_of
from shell.composition.include import Include
from shell.proxy.locations import Place, page_location

_DETAIL_CHARS_MAX = 300
# A client error means that the form was not carried out, with two exceptions: 409 (the same is in flight) and 408.
_OPEN = frozenset({408, 409})
_WITH_HTML = frozenset({200, 201, 202, 400, 409, 422})


class Verdict(Enum):
    SHOWN = "its HTML says what became of it"
    SENT_ON = "it is done, and the browser goes on to `location`"
    DONE = "it is done; the slot as it is by now says how"
    REFUSED = "it was not done; `words` may say why"
    OPEN = "nobody knows"


@dataclass(frozen=True, slots=True)
class Meaning:
    """`words` are plain text of the fragment's, empty where it sent none."""

    verdict: Verdict
    location: str = ""
    words: str = ""


def read_meaning(include: Include, answer: Response | Failure, place: Place) -> Meaning:
    """What a form's answer means; a failure without an answer is for the caller to tell."""
    if isinstance(answer, Failure):
        return Meaning(Verdict.REFUSED if answer.without_effect else Verdict.OPEN)
    if answer.status in REDIRECTS:
        return _redirected(answer, place)
    is_html = (content_type_of(answer) or "").partition(";")[0].strip().lower() == "text/html"
    if is_html and answer.body and answer.status in _WITH_HTML:
        return Meaning(Verdict.SHOWN)
    if 400 <= answer.status < 500:
        return (
            Meaning(Verdict.OPEN) if answer.status in _OPEN else Meaning(Verdict.REFUSED, words=_words(include, answer))
        )
    if answer.status in (201, 204, 205):
        return Meaning(Verdict.DONE)
    # A 200 that is no HTML may be somebody's in between, unless it says whose it is.
    is_own = not include.published.versioned or answer.headers.get(headers.VERSION) is not None
    return Meaning(Verdict.DONE if answer.status < 300 and is_own and not is_html else Verdict.OPEN)


def _redirected(answer: Response, place: Place) -> Meaning:
    location = page_location(answer.headers.get("location") or "", place)
    if answer.status in (307, 308):
        # It wants the form sent elsewhere, so it has not taken it; nobody sends it there.
        return Meaning(Verdict.REFUSED)
    if location is not None:
        return Meaning(Verdict.SENT_ON, location)
    # Only a 303 says that it is done. A 302 to a stranger is often somebody in between who wants a sign-in.
    return Meaning(Verdict.DONE if answer.status == 303 else Verdict.OPEN)


def _words(include: Include, answer: Response) -> str:
    """The detail of a problem, as plain text; what is not trusted puts no words into the shell's mouth."""
    kind = answer.headers.get("content-type")
    problem = read_problem(kind, answer.body) if kind and kind.startswith(PROBLEM_TYPE) else None
    if problem is None or include.published.sandboxed or not problem.detail.isprintable():
        return ""
    return problem.detail[:_DETAIL_CHARS_MAX]
