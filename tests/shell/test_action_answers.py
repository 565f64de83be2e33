"""What a form's answer says has become of it: never in doubt where it is not, never done where nobody knows."""

import json
from typing import Any

import pytest

from bff.contracts.manifest import Manifest
from bff.resilience.message import Headers, Response
from bff.resilience.outcome import Failure
from bff.resilience.reason import Reason
from shell.action_answers import Meaning, Verdict, read_meaning
from shell.composition.include import Include
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Release, Trust
from shell.proxy.locations import Place, public_location

pytestmark = pytest.mark.quick
HTML, JSON, PROBLEM = "text/html", "application/json", "application/problem+json"
PAY = "https://pay.example"
PLACE = Place(
    "http://fragment:8050/api/vote?x=1",
    "http://fragment:8050/api",
    "/slots/lobby/poll",
    "api",
    "https://shell.example",
    lambda path: path in ("/", "/history/"),
    frozenset({PAY}),
)


def include(*, versioned: bool = True, trusted: bool = True) -> Include:
    trust = Trust.FIRST_PARTY if trusted else Trust.SANDBOXED
    manifest = Manifest("poll", "1")
    release = Release(
        "poll", "d", manifest, "http://fragment:8050/m.json", b"", (), (), versioned=versioned, trust=trust
    )
    slot = Slot("poll", "poll")
    return Include(slot, Visit(Page("lobby", "/", "", (slot,)), {}, "en", "en", "EUR", PLACE.shell_origin), release)


def answer(status: int, kind: str = "", body: bytes = b"", **headers: str) -> Response:
    pairs = [*([("content-type", kind)] if kind else []), ("podlet-version", "1"), *headers.items()]
    return Response(status, Headers(pairs), body)


@pytest.mark.parametrize(
    ("status", "kind", "body", "verdict"),
    [
        *((status, HTML, b"<p>x</p>", Verdict.SHOWN) for status in (200, 201, 202, 400, 409, 422)),
        (200, "", b"<p>x</p>", Verdict.SHOWN),
        *((status, JSON, b"{}", Verdict.DONE) for status in (200, 201, 202)),
        *((status, "", b"", Verdict.DONE) for status in (201, 204, 205)),
        (200, HTML, b"", Verdict.OPEN),
        *((status, JSON, b"{}", Verdict.REFUSED) for status in (400, 401, 403, 404, 410, 413, 415, 422)),
        *((status, HTML, b"<p>x</p>", Verdict.REFUSED) for status in (401, 403, 404, 405)),
        *((status, JSON, b"{}", Verdict.OPEN) for status in (408, 409)),
        (409, HTML, b"", Verdict.OPEN),
        *((status, "", b"", Verdict.REFUSED) for status in (307, 308)),
        (302, "", b"", Verdict.OPEN),
        (303, "", b"", Verdict.DONE),
        (226, HTML, b"<p>x</p>", Verdict.OPEN),
    ],
)
def test_each_answer_means_what_it_says(status: int, kind: str, body: bytes, verdict: Verdict) -> None:
    assert read_meaning(include(), answer(status, kind, body), PLACE).verdict is verdict


def test_data_of_nobody_in_particular_confirms_nothing() -> None:
    """A proxy in between answers 200 as well; where a release says its version, its answers do."""
    nameless = Response(200, Headers([("content-type", JSON)]), b"{}")
    assert read_meaning(include(), nameless, PLACE).verdict is Verdict.OPEN
    assert read_meaning(include(versioned=False), nameless, PLACE).verdict is Verdict.DONE


@pytest.mark.parametrize(("reason", "verdict"), [(Reason.THROTTLED, Verdict.REFUSED), (Reason.CUT, Verdict.OPEN)])
def test_failure_is_in_doubt_unless_the_upstream_refused(reason: Reason, verdict: Verdict) -> None:
    assert read_meaning(include(), Failure(reason), PLACE).verdict is verdict


@pytest.mark.parametrize(
    ("trusted", "detail", "words"),
    [(True, "Too much.", "Too much."), (False, "Call 0800.", ""), (True, "a\u202eb", ""), (True, "x" * 400, "x" * 300)],
)
def test_problem_says_why_in_the_words_of_who_is_trusted(trusted: bool, detail: str, words: str) -> None:
    body = json.dumps({"status": 422, "title": "T", "code": "c", "detail": detail}).encode()
    meant = read_meaning(include(trusted=trusted), answer(422, PROBLEM, body), PLACE)
    assert meant == Meaning(Verdict.REFUSED, words=words)


@pytest.mark.parametrize(
    ("location", "led"),
    [
        ("/", "/"),
        ("/history/?page=2#x", "/history/?page=2#x"),
        ("https://shell.example/history/", "/history/"),
        (f"{PAY}/checkout?id=5", f"{PAY}/checkout?id=5"),
        ("HTTPS://PAY.example/x", "https://PAY.example/x"),
        *(
            (hostile, None)
            for hostile in ("", "https://evil.example/", "//evil.example/", "/\\evil.example", "/nothing/")
        ),
        *(
            (hostile, None)
            for hostile in ("javascript:alert(1)", "data:text/html,x", "https://pay.example@evil.example/")
        ),
        *(
            (hostile, None)
            for hostile in ("https://pay.example.evil.example/", "https://pay.example:444/", "http://pay.example/")
        ),
        *(
            (hostile, None)
            for hostile in ("/sign-out/", "/operations/", "/history/\r\nset-cookie: a=b", "http://[x", "x" * 2049)
        ),
        *(
            (hostile, None)
            for hostile in ("https://shell.example@evil.example/", "http://169.254.169.254/", "/slots/lobby/poll")
        ),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303])
def test_form_leads_to_pages_and_to_origins_that_operators_allow(status: int, location: str, led: str | None) -> None:
    meant = read_meaning(include(), answer(status, location=location), PLACE)
    assert (meant.location or None) == led
    assert (meant.verdict is Verdict.SENT_ON) is (led is not None)


@pytest.mark.parametrize(
    ("location", "led"),
    [
        ("/api/rows/5", "/slots/lobby/poll/api/rows/5"),
        ("rows?q=1", "/slots/lobby/poll/api/rows?q=1"),
        ("/api", "/slots/lobby/poll/api"),
        ("http://fragment:8050/api/x/", "/slots/lobby/poll/api/x/"),
        ("/slots/lobby/poll/other/x", "/slots/lobby/poll/other/x"),
        ("https://shell.example/slots/lobby/poll/api/x", "/slots/lobby/poll/api/x"),
        *((hostile, None) for hostile in ("/", "/apix", "/api/../admin", "/api/%2e%2e/x", "/slots/lobby/other/api/x")),
        *(
            (hostile, None)
            for hostile in ("http://fragment:8051/api/x", "https://evil.example/api/x", "//evil.example/api")
        ),
        *((hostile, None) for hostile in (PAY + "/", "/slots/lobby/poll", "javascript:x", "/api/a%2Fb", "")),
    ],
)
def test_location_for_a_script_stays_below_its_slot(location: str, led: Any) -> None:
    assert public_location(location, PLACE) == led
