"""Forms of a real podlet: each answer that its author may give is told as what it is, with a script and without."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest

from tests.support import plain_http
from tests.support.podium.rig import Podium
from tests.support.signed_in import signed_in
from tests.support.slow_house import FORM_ORIGIN, SlowHouse
from tests.whole.test_change_under_load import wait_for

pytestmark = pytest.mark.timeout(120)
HTMX = {"HX-Request": "true"}
HTML = {"content-type": "text/html"}
_sessions: dict[str, dict[str, str]] = {}


@pytest.fixture
def player(slow: SlowHouse, podium: Podium) -> Iterator[httpx.Client]:
    """amber, on the page whose first slot is a podlet that answers what it is asked to."""
    if slow.url not in _sessions:
        [started] = podium.start(
            {"name": "guest", "proxy": [{"name": "more", "target": "/"}], "api": {"/answer": "answer"}}
        )
        slow.publish(started.manifest_url)
        _sessions[slow.url] = dict(signed_in(slow.url))
    with plain_http.Client(
        base_url=slow.url, timeout=60, cookies=_sessions[slow.url], headers={"Origin": slow.url}
    ) as client:
        wait_for(lambda: 'data-state="fresh"' in client.get("/slots/history/history").text)
        yield client


def post(player: httpx.Client, status: int, headers: dict[str, str], body: str = "", **more: str) -> httpx.Response:
    query = f"status={status}&headers={quote(json.dumps(headers))}&body={quote(body)}"
    return player.post(f"/slots/history/history/more/answer?{query}", data={"amount": "5"}, headers=more)


def test_303_leads_to_a_page_or_to_a_payment_page(player: httpx.Client) -> None:
    """Which the policy of pages names, so that a browser follows; htmx is told to go there."""
    for location in ("/history/?page=2", f"{FORM_ORIGIN}/checkout?id=5"):
        plain = post(player, 303, {"location": location})
        assert (plain.status_code, plain.headers["location"]) == (303, location)
        swapped = post(player, 303, {"location": location}, **HTMX)
        assert (swapped.status_code, swapped.headers["hx-redirect"]) == (200, location)
    policy = player.get("/history/").headers["content-security-policy"]
    assert f"form-action 'self' {FORM_ORIGIN};" in policy


def test_303_to_a_stranger_is_done_and_leads_nowhere(player: httpx.Client) -> None:
    plain = post(player, 303, {"location": "https://evil.example/"})
    assert (plain.status_code, plain.headers["location"]) == (303, "/history/#slot-history")
    swapped = post(player, 303, {"location": "https://evil.example/"}, **HTMX)
    assert "hx-redirect" not in swapped.headers
    assert "guest: content" in swapped.text


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [(201, {}, ""), (204, {}, ""), (200, {"content-type": "application/json"}, "{}")],
)
def test_what_is_done_without_html_shows_the_slot_as_it_is_by_now(
    player: httpx.Client, status: int, headers: dict[str, str], body: str
) -> None:
    swapped = post(player, status, headers, body, **HTMX)
    assert swapped.status_code == 200
    assert 'data-state="fresh"' in swapped.text
    assert "guest: content" in swapped.text
    plain = post(player, status, headers, body)
    assert (plain.status_code, plain.headers["location"]) == (303, "/history/#slot-history")


@pytest.mark.parametrize("status", [200, 201, 400, 422])
def test_html_is_shown_in_its_slot(player: httpx.Client, status: int) -> None:
    swapped = post(player, status, HTML, "<p>its own words</p>", **HTMX)
    assert (swapped.status_code, "its own words" in swapped.text) == (200, True)
    plain = post(player, status, HTML, "<p>its own words</p>")
    assert "its own words" in plain.text
    assert plain.text.rstrip().endswith("</html>")


def test_refusal_in_json_is_told_as_one(player: httpx.Client) -> None:
    """With the problem's own words, of a team that operators trust."""
    problem = {"status": 422, "title": "No", "code": "limit", "detail": "That is above your limit."}
    answer = post(player, 422, {"content-type": "application/problem+json"}, json.dumps(problem), **HTMX)
    assert answer.status_code == 422
    assert answer.text == "This was refused, so nothing was done. That is above your limit."
    assert post(player, 401, {}).status_code == 422


def test_unsafe_html_of_what_is_done_does_not_put_it_in_doubt(player: httpx.Client) -> None:
    answer = post(player, 201, HTML, "<plaintext>", **HTMX)
    assert (answer.status_code, answer.text[:18]) == (200, "This went through.")
    assert "<h1>That went through</h1>" in post(player, 201, HTML, "<plaintext>").text
    assert "may or may not" in post(player, 200, HTML, "<plaintext>", **HTMX).text
