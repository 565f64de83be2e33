"""Actions through a real shell to an origin that can be broken: what reaches a fragment, and what a player is told."""

import json
import re
import time
from collections.abc import Iterator
from email.parser import BytesParser
from email.policy import HTTP
from html.parser import HTMLParser
from typing import Any

import httpx
import jwt
import pytest

from tests.drills.mark import COOKIE, mint
from tests.support import plain_http
from tests.support.signed_in import signed_in
from tests.support.slow_house import PARTITION_KEY, SlowHouse

pytestmark = pytest.mark.timeout(120)
PATH = "/slots/lobby/wallet/form/deposit"
KEY = "key-of-one-form"
HTMX = {"HX-Request": "true"}
UNKNOWN, NOT_SENT = "may or may not have gone through", "nothing was sent"


class Player:
    """A signed-in browser that fills in one form of a slot."""

    def __init__(self, house: SlowHouse) -> None:
        self.house = house
        self.client = plain_http.Client(base_url=house.url, timeout=60)

    def post(self, path: str = PATH, data: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        """As the shell's own page would send it."""
        sent = {"Origin": self.house.url, **(headers or {})}
        return self.client.post(path, data={"amount": "5"} if data is None else data, headers=sent)

    def act(self, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
        """The form with its key."""
        return self.post(headers={"Idempotency-Key": KEY, **(headers or {})}, **more)


_sessions: dict[str, dict[str, str]] = {}


@pytest.fixture
def player(slow: SlowHouse) -> Iterator[Player]:
    """amber, over an origin that is well and has not been asked to do anything yet."""
    player = Player(slow)
    # Signing in is slow on purpose, so it is done once a house.
    if slow.url not in _sessions:
        _sessions[slow.url] = dict(signed_in(slow.url))
    player.client.cookies.update(_sessions[slow.url])
    slow.origin.seen.clear()
    yield player
    player.client.close()
    slow.origin.headers = ()


def forms(house: SlowHouse) -> list[Any]:
    """The actions that reached the fragment."""
    return [seen for seen in house.origin.seen if seen.method == "POST"]


def notice(answer: httpx.Response) -> str:
    """What a script shows beside the untouched form."""
    assert answer.headers["HX-Reswap"] == "none"
    words = json.loads(answer.headers["HX-Trigger"])["mullion:notice"]["words"]
    assert words == answer.text
    return words


def test_form_reaches_its_fragment_with_its_key_and_without_a_cookie(player: Player) -> None:
    """As it was typed, once, with the player's context; nothing of the session goes along."""
    player.client.cookies.set("odd", "one")
    assert player.act(HTMX).status_code == 200
    [seen] = forms(player.house)
    assert (seen.path, seen.body) == ("/form/deposit", b"amount=5")
    assert seen.headers["idempotency-key"] == KEY
    assert seen.headers["authorization"].startswith("Bearer ")
    assert not {"cookie", "origin", "referer", "hx-request", "x-forwarded-for"} & set(seen.headers)
    session = player.client.cookies["session"]
    assert session not in str(seen)


def test_form_of_a_tester_carries_the_mark_and_so_does_the_page_that_answers_it(player: Player) -> None:
    """With a script and without; the fragment's other slots on that page, their retries, and the form alike."""
    mark = mint(PARTITION_KEY, "anna")
    cookie = {
        "Cookie": "; ".join(f"{name}={value}" for name, value in [*player.client.cookies.items(), (COOKIE, mark)])
    }
    with plain_http.Client(
        base_url=player.house.url, headers={"Origin": player.house.url, **cookie}, timeout=60
    ) as tester:
        form = {"amount": "5", "idempotency_key": KEY}
        assert tester.post(PATH, data=form, headers=HTMX).status_code == 200
        assert b'data-state="fresh"' in tester.post(PATH, data=form).content, "a page around the form's answer"
        assert tester.get("/slots/lobby/tables?attempt=2").status_code == 200
        assert tester.get("/").status_code == 200
    seen = list(player.house.origin.seen)
    assert len([each for each in seen if each.method == "POST"]) == 2
    assert len(seen) == 2 + 2 + 1 + 3
    assert {each.headers.get("baggage") for each in seen} == {f"{COOKIE}={mark}"}


@pytest.mark.parametrize(
    "brought",
    [
        {"Baggage": "{mark},user=1"},
        {"baggage": "a=1", "Cookie": "{mark}; {mark}"},
        {"Cookie": "{mark}x"},
        {"Cookie": "{forged}"},
        {"Cookie": "{expired}"},
        {"Cookie": f"{COOKIE}=anna"},
    ],
)
def test_mark_that_is_not_the_browsers_own_and_genuine_reaches_nobody(player: Player, brought: dict[str, str]) -> None:
    marks = {
        "mark": mint(PARTITION_KEY, "anna"),
        "forged": mint(PARTITION_KEY + "k", "anna"),
        "expired": mint(PARTITION_KEY, "anna", life_s=-1),
    }
    filled = {
        name: value.format(**{each: f"{COOKIE}={mark}" for each, mark in marks.items()})
        for name, value in brought.items()
    }
    assert plain_http.get(player.house.url, headers=filled, timeout=60).status_code == 200
    assert len(player.house.origin.seen) == 3
    assert not any("baggage" in seen.headers or COOKIE in str(seen) for seen in player.house.origin.seen)


def test_key_may_be_a_field_of_the_form(player: Player) -> None:
    """Without JavaScript nobody sets a header."""
    player.post(data={"amount": "5", "idempotency_key": KEY})
    assert [seen.headers["idempotency-key"] for seen in forms(player.house)] == [KEY]


def test_form_without_a_key_is_given_one_that_stays_when_it_is_sent_again(player: Player) -> None:
    """The page that says that no answer came holds it, as if the fragment had written it."""
    player.house.fail("reset", at="/form")
    page = Fields(player.post().text)
    [seen] = forms(player.house)
    assert len(seen.headers["idempotency-key"]) == 32
    assert page.fields == {"amount": "5", "idempotency_key": seen.headers["idempotency-key"]}


@pytest.mark.parametrize("key", ["short", "x" * 129, "with spaces in it", "a;b=c,d=efgh"])
def test_form_without_a_proper_key_is_refused(player: Player, key: str) -> None:
    """400, and nothing is sent."""
    answer = player.act({"Idempotency-Key": key})
    assert answer.status_code == 400
    assert "Nothing was done" in answer.text
    assert forms(player.house) == []


@pytest.mark.parametrize(
    "path",
    [
        "/slots/lobby/nothing/form/deposit",
        "/slots/nothing/wallet/form/deposit",
        "/slots/lobby/wallet/nothing/deposit",
        "/slots/lobby/wallet/form/a%2F..%2Fb",
        "/slots/lobby/wallet/form/a//b",
        "/slots/lobby/wallet/form/%2e%2e/b",
    ],
)
def test_action_that_nobody_offers_is_not_found(player: Player, path: str) -> None:
    """Neither an unknown page, slot or target, nor a path that would climb out of it."""
    assert player.post(path, headers={"Idempotency-Key": KEY}).status_code == 404
    assert forms(player.house) == []


@pytest.mark.parametrize("rest", ["", "/", "/a.b/c/", "/a%20b?c=%D0%B1&d"])
def test_form_goes_to_any_path_below_its_target_with_its_query(player: Player, rest: str) -> None:
    assert player.post(f"/slots/lobby/wallet/form{rest}", headers={"Idempotency-Key": KEY}).status_code == 200
    assert [seen.path for seen in forms(player.house)] == ["/form" + (rest if rest != "/" else "")]


@pytest.mark.parametrize(("size", "sent"), [(20_000, "whole"), (100_000, "whole"), (20_000, "chunked")])
def test_form_that_is_too_large_is_refused(player: Player, size: int, sent: str) -> None:
    """413, also where its length was not told."""
    body = b"amount=" + b"5" * size
    form = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": KEY, "Origin": player.house.url}
    content = body if sent == "whole" else iter([body])
    assert player.client.post(PATH, content=content, headers=form).status_code == 413
    assert forms(player.house) == []


def test_form_that_never_ends_is_cut(player: Player) -> None:
    """Whoever sends on and on gets no fragment to read it."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": KEY, "Origin": player.house.url}
    try:
        answer = player.client.post(PATH, content=iter([b"x" * 30_000] * 10), headers=form)
        assert answer.status_code >= 400
    except (httpx.RemoteProtocolError, httpx.WriteError, httpx.ReadError):
        """The connection was ended, which says the same."""
    assert forms(player.house) == []


def test_form_with_a_file_reaches_its_fragment_and_is_answered_like_any_other(player: Player) -> None:
    """With a script in its slot, without one in the whole page; the file as it was, more than one message long."""
    passport = b"\x89PNG\r\n--not the end" * 20_000
    files = {"passport": ("my passport.png", passport, "image/png")}
    for headers in ({**HTMX, "Idempotency-Key": KEY}, {}):
        data = {"note": "Ünder\r\nreview", "idempotency_key": KEY}
        answer = player.client.post(PATH, data=data, files=files, headers={"Origin": player.house.url, **headers})
        assert answer.status_code == 200
        assert ("</html>" in answer.text, 'id="slot-wallet"' in answer.text) == (not headers, True)
    for seen in forms(player.house):
        assert (seen.path, seen.headers["idempotency-key"]) == ("/form/deposit", KEY)
        [note, key, file] = parts_of(seen.headers["content-type"], seen.body)
        assert (note, key) == (("note", "", "Ünder\r\nreview".encode()), ("idempotency_key", "", KEY.encode()))
        assert file == ("passport", "my passport.png", passport)
    assert len(forms(player.house)) == 2


def parts_of(content_type: str, body: bytes) -> list[tuple[str, str, bytes]]:
    """(field, file, what it holds) of each part, by the standard library's reading of it."""
    message = BytesParser(policy=HTTP).parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + body)
    found = []
    for part in message.iter_parts():
        named = part["content-disposition"].params
        held = part.get_payload(decode=True)
        assert isinstance(held, bytes)
        found.append((named["name"], named.get("filename", ""), held))
    return found


@pytest.mark.parametrize(
    "files",
    [
        {"a": b"x" * (8 * 2**20 + 1)},
        {"a": b"x" * 7 * 2**20, "b": b"x" * 7 * 2**20},
    ],
    ids=["one file", "all of them"],
)
def test_files_that_are_too_large_are_refused_with_a_sentence(player: Player, files: dict[str, bytes]) -> None:
    """413, and nothing is sent."""
    headers = {"Idempotency-Key": KEY, "Origin": player.house.url, **HTMX}
    answer = player.client.post(PATH, files=files, headers=headers)
    assert answer.status_code == 413
    assert re.search(r"MiB that this site takes. Nothing was done", notice(answer))
    assert forms(player.house) == []


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", ""])
def test_what_is_no_form_is_for_the_fragments_own_api(player: Player, content_type: str) -> None:
    """With this player's bearer for this fragment alone and the partition's mark, and no cookie either way."""
    player.house.origin.headers = (("Set-Cookie", "session=stolen"),)
    mark = f"{COOKIE}={mint(PARTITION_KEY, 'anna')}"
    cookies = [f"{name}={value}" for name, value in player.client.cookies.items()]
    headers = {
        "Content-Type": content_type,
        "Idempotency-Key": KEY,
        "Origin": player.house.url,
        "Cookie": "; ".join([*cookies, mark]),
    }
    with plain_http.Client(base_url=player.house.url, timeout=60) as tester:
        answer = tester.post(PATH, content=b'{"amount": 5}', headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert "set-cookie" not in answer.headers
    [seen] = forms(player.house)
    assert (seen.path, seen.body) == ("/form/deposit", b'{"amount": 5}')
    assert (seen.headers.get("content-type", ""), seen.headers["idempotency-key"]) == (content_type, KEY)
    assert seen.headers["baggage"] == mark
    assert not {"cookie", "origin", "referer", "x-forwarded-for"} & set(seen.headers)
    claims = jwt.decode(seen.headers["authorization"].removeprefix("Bearer "), options={"verify_signature": False})
    assert claims["aud"] == "origin"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_form_of_another_site_is_refused(player: Player, headers: dict[str, str]) -> None:
    """403 before anybody is asked anything, with the player's own cookies."""
    answer = player.act(headers)
    assert answer.status_code == 403
    assert "did not come from a page of this site" in answer.text
    assert forms(player.house) == []


def test_signed_out_player_is_asked_to_sign_in(player: Player) -> None:
    """A notice with a link for scripts, a redirect without; nothing is sent."""
    player.client.cookies.clear()
    answer = player.act(HTMX)
    assert answer.status_code == 401
    assert NOT_SENT in notice(answer)
    plain = player.act()
    assert (plain.status_code, plain.headers["location"]) == (303, "/sign-in/?next=/&ended=1")
    assert forms(player.house) == []


@pytest.mark.parametrize(
    ("fault", "unsafe"),
    [
        ("status=500", b""),
        ("status=503", b""),
        ("redirect=elsewhere", b""),
        ("redirect=link-local", b""),
        ("error-page", b""),
        ("json", b""),
        ("reset", b""),
        ("short-body", b""),
        ("", b"<plaintext>"),
    ],
)
def test_answer_that_can_not_be_shown_leaves_it_open(player: Player, fault: str, unsafe: bytes) -> None:
    """504, and the truth: it may have been done; nothing of the answer is shown, nothing is sent again."""
    healthy = player.house.origin.body
    if fault:
        player.house.fail(fault, at="/form")
    else:
        player.house.origin.body = unsafe
    try:
        answer = player.act(HTMX)
    finally:
        player.house.origin.body = healthy
    assert answer.status_code == 504
    assert UNKNOWN in notice(answer)
    assert KEY in answer.text
    assert "ORIGIN-ERROR-PAGE" not in answer.text
    assert len(forms(player.house)) == 1
    player.house.heal()
    assert player.act(HTMX).status_code == 200, "the same form again"


def test_team_reads_why_forms_and_calls_of_its_pages_failed(player: Player) -> None:
    """By its token, from the shell that runs: which slot, which release, which reason, and the form's key."""
    player.house.fail("reset", at="/form")
    assert player.act(HTMX).status_code == 504
    player.house.heal()
    player.house.fail("status=503", at="/form")
    by_a_script = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "empty"}
    assert player.client.get("/slots/lobby/wallet/form/rows", headers=by_a_script).status_code == 503
    made = player.house.manage("fragment", "token", "make", "origin", "--purpose", "read", "--label", "reader")
    headers = {"Authorization": f"Bearer {made.splitlines()[-1]}"}
    answer = plain_http.get(f"{player.house.url}/registry/v1/fragments/origin/outcomes", headers=headers).json()
    called, failed = [line["fields"] for line in answer["log"] if line["event"] in ("action_failed", "proxy_failed")][
        :2
    ]
    assert (failed["slot"], failed["version"], failed["verdict"]) == ("wallet", called["version"], "open")
    assert (failed["reason"], failed["key"]) == ("cut", KEY)
    assert failed["detail"]
    assert (called["slot"], called["reason"]) == ("wallet", "upstream_error")
    assert called["detail"] == "it answered 503, which is passed on"


def test_form_that_was_refused_is_not_said_to_be_in_doubt(player: Player) -> None:
    """A 404 has done nothing, and says so; the form stands as it was."""
    player.house.fail("status=404", at="/form")
    answer = player.act(HTMX)
    assert answer.status_code == 422
    assert "nothing was done" in notice(answer)
    assert "ORIGIN-ERROR-PAGE" not in answer.text


def test_silence_ends_within_the_deadline_of_actions(player: Player) -> None:
    """504 after five seconds; without JavaScript on a page of its own."""
    player.house.fail("silence", at="/form")
    answer = player.act()
    assert answer.status_code == 504
    assert UNKNOWN in answer.text
    assert answer.text.rstrip().endswith("</html>")
    assert 4 < answer.elapsed.total_seconds() < 10


def test_fragment_that_can_not_be_reached_was_sent_nothing(player: Player) -> None:
    """503, and the form may be sent again."""
    player.house.fail("refused")
    answer = player.act(HTMX)
    assert answer.status_code == 503
    assert NOT_SENT in notice(answer)
    assert json.loads(answer.headers["HX-Trigger"])["mullion:notice"]["ends"] == "healed", "it says nothing else"
    player.house.heal()
    assert player.act(HTMX).status_code == 200


def test_form_is_in_no_doubt_because_its_fragment_closes_idle_connections(player: Player) -> None:
    """Sent while the end of the connection before it is on its way: it arrives, every time."""
    player.house.fail("closes-idle=40")
    for late_ms in range(12):
        assert player.act(HTMX).status_code == 200
        time.sleep((40 + late_ms / 2) / 1000)
    assert len(forms(player.house)) == 12


def test_action_whose_answers_can_not_be_read_is_shut_for_its_player_only(player: Player) -> None:
    """Nothing more of it is sent for a while, and that is said; another player's goes through, and it heals."""
    other = Player(player.house)
    other.client.cookies.update(signed_in(player.house.url, "birch"))
    player.house.fail("body-64-mib=length", at="/form/deposit")
    for _ in range(5):
        assert UNKNOWN in notice(player.act(HTMX))
    sent = len(forms(player.house))
    assert NOT_SENT in notice(player.act(HTMX))
    assert UNKNOWN in notice(other.act(HTMX))
    assert len(forms(player.house)) == sent + 1
    player.house.heal()
    other.client.close()
    until = time.monotonic() + 30
    while player.act(HTMX).status_code != 200:
        assert time.monotonic() < until
        time.sleep(0.2)


@pytest.mark.parametrize(("fault", "heading"), [("refused", "That did not work"), ("reset", "No answer came")])
def test_without_javascript_the_same_form_can_be_sent_again_from_the_page_that_says_so(
    player: Player, fault: str, heading: str
) -> None:
    """What was typed and the key stand in it, as text; another link goes back to where it was; it works."""
    player.house.fail(fault, at="/" if fault == "refused" else "/form")
    typed = {"amount": '5"><script>', "note": "mine", "idempotency_key": KEY}
    answer = player.post(data=typed)
    assert f"<h1>{heading}</h1>" in answer.text
    assert "Nothing was changed" not in answer.text, "of a lost answer nobody knows that"
    page = Fields(answer.text)
    assert (page.action, page.fields) == (PATH, typed)
    assert '<a class="quiet" href="/">' in answer.text
    player.house.heal()
    player.house.origin.seen.clear()
    assert player.post(page.action, page.fields).status_code == 200
    assert [seen.headers["idempotency-key"] for seen in forms(player.house)] == [KEY]


class Fields(HTMLParser):
    """The form in the words of a page: where it goes and what is in it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.feed(html.partition('<section class="words">')[2].partition("</section>")[0])

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        found = dict(attrs)
        if tag == "form":
            self.action = found["action"]
        elif tag == "input":
            self.fields[found["name"]] = found["value"]


@pytest.mark.parametrize(
    ("value", "topics", "sequence"),
    [
        ("wallet.pl_amber; sequence=e1:7", ["wallet.pl_amber"], "e1:7"),
        ("wallet, offers", ["wallet", "offers"], ""),
        ("Wallet, <b>, offers;sequence=e1:x", ["offers"], ""),
        ("; sequence=e1:7", [], ""),
        (";;;,=", [], ""),
        ("x" * 65, [], ""),
    ],
)
def test_what_changed_is_told_as_far_as_it_is_well_formed(
    player: Player, value: str, topics: list[str], sequence: str
) -> None:
    """What is malformed in the fragment's header is left out; nothing of it reaches a header of the shell as it is."""
    player.house.origin.headers = (("Mullion-Changed", value),)
    answer = player.act(HTMX)
    assert answer.status_code == 200
    changed = json.loads(answer.headers.get("HX-Trigger", "{}")).get("mullion:changed")
    assert changed == ({"topics": topics, "sequence": sequence, "slot": "wallet"} if topics else None)
    assert "Mullion-Changed" not in answer.headers


def test_without_javascript_a_receipt_is_shown_by_a_redirect(player: Player) -> None:
    """303 to the page with the receipt of that slot, and the write is carried over it in a signed cookie."""
    player.house.origin.headers = (
        ("Mullion-Changed", "wallet; sequence=e1:7"),
        ("Mullion-Receipt", "rc_1"),
        ("Location", "https://evil.example/"),
    )
    answer = player.act()
    assert (answer.status_code, answer.headers["location"]) == (303, "/?wallet.receipt=rc_1#slot-wallet")
    player.house.origin.seen.clear()
    player.client.get("/?wallet.receipt=rc_1")
    assert any("receipt=rc_1" in seen.path and "min_sequence=e1%3A7" in seen.path for seen in player.house.origin.seen)


@pytest.mark.parametrize("receipt", ["", "rc 1", "x" * 161, "rc_1&wallet.x=y"])
def test_without_a_proper_receipt_the_answer_is_the_page(player: Player, receipt: str) -> None:
    """The fragment's answer stands in its slot of a whole page."""
    player.house.origin.headers = (("Mullion-Receipt", receipt),)
    answer = player.act()
    assert answer.status_code == 200
    assert answer.text.count("<fragment-slot ") == 3
    assert answer.text.rstrip().endswith("</html>")


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "plain"])
def test_no_header_of_a_fragment_comes_back(player: Player, headers: dict[str, str]) -> None:
    """Neither its cookies nor what would move a browser elsewhere."""
    odd = {
        "Set-Cookie": "session=stolen",
        "HX-Redirect": "//evil.example",
        "HX-Trigger": "x",
        "Refresh": "0",
        "X-Y": "z",
    }
    player.house.origin.headers = tuple(odd.items())
    answer = player.act(headers)
    assert answer.status_code == 200
    assert not {"HX-Redirect", "HX-Trigger", "Refresh", "X-Y"} & set(answer.headers)
    assert "stolen" not in str(answer.headers)
