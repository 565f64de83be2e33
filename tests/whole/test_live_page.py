"""live.js in a real browser: the rows of the fault matrix about live pages, and clocks of a page."""

import re
import time

import pytest

from bff.store import Store, StorePolicy
from tests.support.live_browser import FakeLive, PageServer, eventually, live_message, run, slot, ticket_of
from tests.support.live_house import LiveHouse
from tests.support.lobby import PATIENT_S
from tests.support.valkey_server import ValkeyServer

# The test's own calls to the store may take longer than a house allows.
UNHURRIED = StorePolicy(connect_ms=3000, op_ms=3000)
# Real processes on a machine that may be busy get twice the promised time.
BUSY = 2
# How long a slot waits before it is fetched again for the same reason.
SECOND_LOOK_MS = 15_000
SEATS = '<p>Seats <b id="seats" data-live="tables.r1#seats_taken">0</b></p>'


@pytest.fixture
def live():
    with FakeLive() as server:
        yield server


@pytest.fixture
def pages(live):
    with PageServer() as server:
        server.live_url = live.url
        server.body = slot("tables", SEATS, feeds="tables")
        yield server


@pytest.fixture
def errors(page):
    """The browser's console errors; a test of a fault removes those that it expects."""
    found = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    return found


def open_page(page, pages, *, clock=False):
    """With a `clock` the page's time advances only as far as the test says, however long the test takes."""
    if clock:
        stop_clock(page, time.time())
    page.goto(pages.url)
    becomes(page, "window.ready")


def stop_clock(page, now):
    """Stops the page's clock at `now`, or at its next moment."""
    page.clock.install(time=now - 3600)
    page.clock.pause_at(now)


def seats(page):
    return page.locator("#seats").inner_text()


def state(page, name="tables"):
    return page.locator(f"#slot-{name}").get_attribute("data-live-state")


def refetches(page, reason=""):
    return [each for each in page.evaluate("window.refetches") if reason in each["reason"]]


def becomes(page, expression, within_s=PATIENT_S):
    """Waits until `expression` is true; Playwright's own wait needs an eval that the page's policy forbids."""
    eventually(lambda: page.evaluate(expression), within_s)


def has_state(page, state, name="tables", within_s=PATIENT_S):
    becomes(page, f"document.getElementById('slot-{name}').dataset.liveState === '{state}'", within_s)


def shows(page, text, within_s=PATIENT_S):
    eventually(lambda: seats(page) == text, within_s)


def is_followed(live):
    eventually(lambda: "tables.r1" in live.followed)


# What moves.


def test_numbers_follow_their_topic_and_the_page_stays_clean(page, pages, live, errors):
    """A binding inside a shadow root shows each change; nothing offends the content security policy."""
    open_page(page, pages)
    is_followed(live)
    assert live.followed == {"tables.r1", "feed.tables"}
    live.tell(live_message("feed.tables", 1, {}), live_message("tables.r1", 1, {"seats_taken": 1234}))
    shows(page, "1,234")
    live.tell(live_message("tables.r1", 2, {"seats_taken": None}))
    shows(page, "–")
    has_state(page, "live")
    assert refetches(page) == []
    assert errors == []


def test_duplicates_reordering_and_gaps_only_go_forward_and_a_new_epoch_resyncs(page, pages, live):
    """An old number never comes back, whatever the order; a new epoch is accepted, and the old one is ignored
    afterwards."""
    open_page(page, pages)
    is_followed(live)
    page.evaluate("""() => {
      window.seen = [];
      const seats = document.querySelector('#slot-tables').shadowRoot.querySelector('#seats');
      new MutationObserver(() => window.seen.push(seats.textContent)).observe(seats, { childList: true });
    }""")
    for n in (1, 2, 2, 7, 3, 1, 7, 9, 8):
        live.tell(live_message("tables.r1", n, {"seats_taken": n}))
    shows(page, "9")
    live.tell(live_message("tables.r1", 1, {"seats_taken": 100}, epoch="later"))
    live.tell(live_message("tables.r1", 10, {"seats_taken": 10}))
    live.tell(live_message("tables.r1", 2, {"seats_taken": 101}, epoch="later"))
    shows(page, "101")
    assert page.evaluate("window.seen") == ["1", "2", "7", "9", "100", "101"]


def test_attributes_are_bound_only_where_that_can_do_no_harm(page, pages, live):
    """A state can be styled and a meter moved by a binding; a handler, a link or a style can not be bound."""
    pages.body = slot(
        "tables",
        '<p id="p" data-live="tables.r1#open" data-live-to="data-open"></p>'
        '<b id="b" data-live="tables.r1#open" data-live-to="hidden">x</b>'
        '<meter id="m" max="7" data-live="tables.r1#seats_taken" data-live-to="value"></meter>'
        '<a id="a" data-live="tables.r1#name" data-live-to="href">x</a>'
        '<i id="i" data-live="tables.r1#name" data-live-to="onclick">x</i>' + SEATS,
    )
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("tables.r1", 1, {"open": True, "seats_taken": 5, "name": "javascript:alert(1)"}))
    shows(page, "5")
    found = page.evaluate("""() => {
      const at = (id) => document.querySelector('#slot-tables').shadowRoot.getElementById(id);
      const has = (id, name) => at(id).hasAttribute(name);
      return [at('p').dataset.open, at('b').hidden, at('m').value, has('a', 'href'), has('i', 'onclick')];
    }""")
    assert found == ["true", True, 5, False, False]


def test_text_of_a_provider_is_text(page, pages, live):
    """A name with markup in it is shown, not parsed."""
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("tables.r1", 1, {"seats_taken": "<img src=x onerror=alert(1)>"}))
    shows(page, "<img src=x onerror=alert(1)>")


def test_html_made_from_a_later_message_is_not_overwritten_by_an_earlier_one(page, pages, live):
    """`data-live-seq` is the sequence from which the HTML was made."""
    pages.body = slot("tables", f'<div data-live-seq="e:5">{SEATS}</div>')
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("tables.r1", 4, {"seats_taken": 4}))
    live.tell(live_message("tables.r1", 6, {"seats_taken": 6}))
    shows(page, "6")


def test_a_swapped_slot_keeps_its_topics_without_asking_again(page, pages, live):
    """After a swap the binding shows the latest number at once, without a request to the socket."""
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("tables.r1", 1, {"seats_taken": 6}))
    shows(page, "6")
    page.evaluate("html => window.swap('slot-tables', html)", SEATS)
    shows(page, "6")
    time.sleep(0.3)
    assert len(live.received) == 1


def test_a_change_that_needs_other_html_asks_for_the_slot_once(page, pages, live):
    """`data-live-refetch` fetches the slot when its value changes, also if it changed before the first message; not in
    a loop."""
    watch = '<ol data-live-refetch="tables.r1#results.0.round_id" data-live-value="g1" data-live-every="1"></ol>'
    pages.body = slot("tables", watch + SEATS)
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("tables.r1", 1, {"results": [{"round_id": "g1"}], "seats_taken": 1}))
    shows(page, "1")
    time.sleep(0.8)
    assert refetches(page) == []
    live.tell(live_message("tables.r1", 2, {"results": [{"round_id": "g2"}], "seats_taken": 2}))
    becomes(page, "window.refetches.length === 1")
    # The new HTML still says g1, so fetching it again for that would never end.
    page.evaluate("html => window.swap('slot-tables', html)", watch + SEATS)
    time.sleep(1.8)
    assert len(refetches(page)) == 1


def test_a_malformed_binding_harms_only_itself(page, pages, live, errors):
    """A mistake in one fragment is reported in the console and has no other effect."""
    pages.body = slot("tables", '<i data-live="tables.r1.seats">x</i><i data-live="#a">x</i>' + SEATS)
    open_page(page, pages)
    is_followed(live)
    live.tell({"topic": "tables.r1", "seq": ["e", 1], "data": None}, live_message("tables.r1", 2, {"seats_taken": 2}))
    shows(page, "2")
    assert errors == []


# Freshness.


def test_a_feeds_change_asks_only_for_the_slots_that_live_from_it(page, pages, live):
    """When a feed's freshness changes, its own slots are refetched, after a random delay, and show it."""
    pages.body = slot("tables", SEATS, feeds="tables") + slot("wallet", "<p>1</p>", feeds="ledger engine")
    open_page(page, pages)
    is_followed(live)
    live.tell(*(live_message(f"feed.{feed}", 1, {}) for feed in ("tables", "ledger", "engine")))
    has_state(page, "live", "wallet")
    live.tell(live_message("feed.tables", 2, {}, state="stale"))
    becomes(page, "window.refetches.length === 1")
    assert [each["slot"] for each in refetches(page)] == ["slot-tables"]
    assert (state(page), state(page, "wallet")) == ("delayed", "live")
    live.tell(live_message("feed.tables", 3, {}, state="down"))
    has_state(page, "off")
    live.tell(live_message("feed.tables", 4, {}))
    has_state(page, "live")
    becomes(page, "window.refetches.length >= 2")
    assert {each["slot"] for each in refetches(page)} == {"slot-tables"}


def test_what_a_feed_says_beside_its_freshness_is_a_reason_to_ask_for_its_slots(page, pages, live):
    """The engine goes on while payments stop and return: slots that offer deposits are refetched."""
    pages.body = slot("wallet", "<p>x</p>", feeds="engine") + slot("tables", "<p>x</p>", feeds="tables")
    open_page(page, pages)
    eventually(lambda: {"feed.engine", "feed.tables"} <= live.followed)
    for n, (payments, asks) in enumerate([("up", 0), ("down", 1), ("down", 1), ("up", 2)]):
        live.tell(live_message("feed.engine", n, {"detail": "", "data": {"payments": payments}}))
        becomes(page, f"window.refetches.length >= {asks}")
        if payments != "up" or n == 0:
            time.sleep(2.2)  # longer than the longest delay of a refetch
    assert [each["slot"] for each in refetches(page)] == ["slot-wallet"] * 2


def test_a_slot_that_waits_its_turn_is_asked_for_at_once_when_its_feed_is_back(page, pages, live):
    """The delay before a second fetch for the same reason does not delay this one."""
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("feed.tables", 1, {}, state="stale"))
    becomes(page, "window.refetches.length === 1")
    live.tell(live_message("feed.tables", 2, {}, state="down"))
    becomes(page, "window.refetches.length === 2")
    # The new HTML says that it is fresh, so it is fetched again, a while later.
    page.evaluate("swap('slot-tables', '<p>made too early</p>')")
    back_at = page.evaluate("performance.now()")
    live.tell(live_message("feed.tables", 3, {}))
    becomes(page, "window.refetches.length === 3")
    assert refetches(page)[-1]["at"] - back_at < SECOND_LOOK_MS


NEEDS = """<form id="deposit" data-needs="engine"><input id="amount">
<p id="why" data-paused-words="engine" data-words="Deposits are paused." hidden></p><button id="pay">Deposit</button>
<button id="own" disabled>Not offered</button></form>
<form data-needs="engine" data-needs-while="ledger"><p data-paused-words="engine" data-words="Paused." hidden></p>
<button id="break">Begin the break</button></form>"""


def enabled(page):
    """Which of the buttons are enabled."""
    return page.evaluate(
        """[...document.querySelector("#slot-pay").shadowRoot.querySelectorAll("button:enabled")].map(({id}) => id)"""
    )


def test_what_needs_a_silent_feed_is_closed_at_once_and_opens_with_it(page, pages, live, errors):
    """Before any slot is refetched: buttons are disabled with one reason, typed input stays; what was disabled anyway
    stays so."""
    pages.body = slot("pay", NEEDS)
    open_page(page, pages)
    eventually(lambda: live.followed == {"feed.engine", "feed.ledger"})
    page.evaluate(
        "document.addEventListener('mullion:feed-back', ({detail}) => (window.back ??= []).push(detail.feed))"
    )
    live.tell(live_message("feed.ledger", 1, {}), live_message("feed.engine", 1, {}))
    page.locator("#amount").fill("12.34")
    assert enabled(page) == ["pay", "break"]
    live.tell(live_message("feed.engine", 2, {}, state="stale"))
    eventually(lambda: enabled(page) == [])
    assert page.locator("#why").inner_text() == "Deposits are paused."
    assert page.locator("#slot-pay [role=status]").count() == 1, "one reason is said once"
    assert page.locator("#amount").input_value() == "12.34"
    live.tell(live_message("feed.engine", 3, {}, state="down"))
    live.tell(live_message("feed.ledger", 2, {}, state="down"))
    eventually(lambda: enabled(page) == ["break"])
    live.tell(live_message("feed.ledger", 3, {}), live_message("feed.engine", 4, {}))
    eventually(lambda: enabled(page) == ["pay", "break"])
    assert page.locator("#why").is_hidden()
    assert page.locator("#slot-pay [role=status]").count() == 0
    assert "engine" in page.evaluate("window.back")
    assert page.locator("#amount").input_value() == "12.34"
    assert errors == []


def test_a_slot_that_comes_while_its_feed_is_silent_comes_closed(page, pages, live):
    """A slot that an action brings is closed by what the page already knows of the feed."""
    pages.body = slot("pay", NEEDS)
    open_page(page, pages)
    eventually(lambda: "feed.engine" in live.followed)
    live.tell(live_message("feed.engine", 1, {}, state="stale"))
    eventually(lambda: enabled(page) == [])
    page.evaluate("(html) => window.swap('slot-pay', html)", NEEDS)
    assert enabled(page) == []
    live.tell(live_message("feed.engine", 2, {}))
    eventually(lambda: enabled(page) == ["pay", "break"])


def test_refetches_of_many_pages_are_spread(page, pages, live):
    """Twelve slots that get the same message are not fetched at the same moment."""
    names = [f"s{n}" for n in range(12)]
    pages.body = "".join(slot(name, "<p>x</p>", feeds="tables") for name in names)
    open_page(page, pages)
    eventually(lambda: "feed.tables" in live.followed)
    live.tell(live_message("feed.tables", 1, {}))
    live.tell(live_message("feed.tables", 2, {}, state="stale"))
    becomes(page, "window.refetches.length === 12")
    times = [each["at"] for each in refetches(page)]
    assert max(times) - min(times) > 500


def test_a_slot_that_was_made_before_its_feed_changed_is_asked_for_once(page, pages, live):
    """A fresh slot of a feed that is stale by the time the socket opens does not wait for the next change."""
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("feed.tables", 3, {}, state="stale"))
    becomes(page, "window.refetches.length === 1")
    live.tell(live_message("feed.tables", 3, {}, state="stale"))
    time.sleep(1)
    assert len(refetches(page)) == 1


def test_half_open_socket_is_delayed_within_10_s_and_off_within_15(page, pages, live):
    """A socket without any message is not trusted: the page says so, polls, and opens another one."""
    open_page(page, pages, clock=True)
    is_followed(live)
    page.clock.run_for(1000)
    assert state(page) == "live"
    live.beats = False
    time.sleep(0.6)
    page.clock.run_for(8000)
    assert state(page) == "live"
    page.clock.run_for(3000)
    assert state(page) == "delayed"
    assert page.evaluate("document.documentElement.dataset.live") == "delayed"
    page.clock.run_for(5000)
    assert state(page) == "off"
    page.clock.run_for(3000)
    assert refetches(page, "poll")
    live.beats = True
    page.clock.run_for(2000)
    eventually(lambda: live.opened >= 2)
    page.clock.run_for(1500)
    eventually(lambda: (page.clock.run_for(1000), state(page) == "live")[1])


def test_a_store_that_is_gone_is_delayed_at_once_and_over_when_it_is_back(page, pages, live):
    """The live house reports that it has no store; heartbeats alone do not make a page live."""
    open_page(page, pages, clock=True)
    is_followed(live)
    live.tell({"notice": "delayed"})
    eventually(lambda: (page.clock.run_for(1000), state(page) == "delayed")[1])
    page.clock.run_for(5000)
    assert state(page) == "off"
    live.tell({"notice": "live"})
    eventually(lambda: (page.clock.run_for(1000), state(page) == "live")[1])


def test_socket_refused_the_page_polls_slower_and_says_so(page, pages, live, errors):
    """After three 403 every live slot is fetched about every 15 s with a visible reason, until a socket opens."""
    pages.body = '<p id="words" role="status" data-live-status></p>' + slot("tables", SEATS, feeds="tables")
    live.refuse = True
    open_page(page, pages, clock=True)
    eventually(lambda: (page.clock.run_for(1000), state(page) == "off")[1])
    words = page.locator("#words")
    assert words.inner_text() == "Live updates are off. This page asks again by itself, about every 15 seconds."
    for _ in range(60):
        page.clock.run_for(1000)
    assert 3 <= len(refetches(page, "poll")) <= 7
    assert all("403" in error for error in errors)
    errors.clear()
    live.refuse = False
    eventually(lambda: (page.clock.run_for(1000), live.opened == 1)[1])
    eventually(lambda: (page.clock.run_for(1000), state(page) == "live")[1])
    assert words.inner_text() == ""


def test_without_tickets_the_page_polls_too(page, pages, live):
    """A shell that gives no ticket is a refused socket."""
    pages.ticket_status = 503
    open_page(page, pages, clock=True)
    eventually(lambda: (page.clock.run_for(1000), state(page) == "off")[1])
    assert live.opened == 0


def test_reconnects_wait_longer_each_time_and_never_so_long_that_a_page_stays_behind(page, pages, live):
    """The delay grows to 6 s, half of it fixed: a dead server is not flooded, and a restarted one soon has
    its pages."""
    live.refuse = True
    open_page(page, pages, clock=True)
    eventually(lambda: (page.clock.run_for(1000), pages.tickets >= 8)[1])
    before = pages.tickets
    for _ in range(120):
        page.clock.run_for(1000)
        time.sleep(0.03)  # a refusal takes real time, and the browser delays a page that was refused often
    assert 5 <= pages.tickets - before <= 41


def test_a_session_that_ends_closes_the_socket_and_asks_for_every_live_slot(page, pages, live):
    """4401: the next ticket is for the player as signed in now, and the page follows."""
    players = iter(["pl_amber", ""])
    pages.ticket = lambda: ticket_of(next(players, ""))
    open_page(page, pages)
    is_followed(live)
    live.close(4401)
    becomes(page, "window.ended === 1")
    becomes(page, "window.refetches.some((each) => each.reason === 'session')")
    eventually(lambda: live.opened == 2)


def test_the_ticket_is_not_in_the_address_of_the_socket(page, pages, live):
    """It is sent beside the protocol's name, which proxies do not log."""
    pages.ticket = lambda: ticket_of("pl_amber")
    page.goto(pages.url)
    eventually(lambda: live.opened == 1)
    assert live.requested == [("/live", f"mullion.live, mullion.ticket.{ticket_of('pl_amber')}")]


def test_a_page_that_is_asked_brings_a_fresh_ticket(page, pages, live):
    """The session is proved over the open socket."""
    pages.ticket = lambda: ticket_of("pl_amber")
    open_page(page, pages, clock=True)
    is_followed(live)
    live.tell({"notice": "ticket"})
    eventually(lambda: (page.clock.run_for(2000), any("ticket" in received for received in live.received))[1])
    assert live.opened == 1


# Time.


def test_ages_and_countdowns_run_on_the_servers_clock(page, pages, live):
    """A device whose clock is five minutes off shows the right age and the right time left."""
    now = time.time()

    def moment(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + seconds))

    pages.body = slot(
        "tables",
        f'<p role="status">As of <time id="age" data-age datetime="{moment(-12)}">20:14:03</time>.</p>'
        f'<time id="left" data-countdown datetime="{moment(90)}">soon</time>'
        f'<time id="own" data-countdown data-server-now="{moment(0)}" datetime="{moment(90)}">own</time>'
        f'<time id="bad" data-age datetime="">?</time>' + SEATS,
    )
    stop_clock(page, now - 300)
    open_page(page, pages)
    is_followed(live)
    page.clock.run_for(1000)

    def age(name):
        [found] = re.findall(r"\((\d+) sec\. ago\)", text(name))
        return int(found)

    def text(name):
        return page.locator(f"#{name}").inner_text()

    assert text("age").startswith("20:14:03 (")
    assert 12 <= age("age") <= 14 + time.time() - now
    assert 90 >= left_s(text("left")) >= 88 - (time.time() - now)
    assert (text("own"), text("bad")) == ("own", "?")
    assert page.locator("#age span").get_attribute("aria-hidden") == "true"
    live.beats = False  # heartbeats have the real time, which does not jump
    time.sleep(0.6)
    page.clock.run_for(1000)
    before = age("age")
    page.clock.run_for(9000)
    assert 8 <= age("age") - before <= 10


def left_s(words):
    """The seconds of a countdown: 85 for 1:25."""
    minutes, _, seconds = words.partition(":")
    return 60 * int(minutes) + int(seconds)


@pytest.mark.parametrize("ahead_s", [300, -300])
def test_ages_of_a_feed_do_not_run_on_the_shells_clock(page, pages, live, ahead_s):
    """A shell whose clock is five minutes off makes no feed older and no time shorter; its own moments are right."""

    def moment(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + seconds))

    began = time.monotonic()
    pages.clock_s = ahead_s
    pages.body = slot(
        "tables",
        f'<time id="feed" data-age datetime="{moment(-12)}">of a feed</time>'
        f'<time id="shell" data-age="shell" datetime="{moment(ahead_s - 12)}">of the shell</time>'
        f'<time id="left" data-countdown data-countdown-done="Over" datetime="{moment(90)}">soon</time>' + SEATS,
    )
    open_page(page, pages)
    is_followed(live)
    eventually(lambda: "(" in page.locator("#feed").inner_text())
    ages = [re.findall(r"\((\d+) sec\. ago\)", page.locator(name).inner_text()) for name in ("#feed", "#shell")]
    left = left_s(page.locator("#left").inner_text())
    lasted_s = time.monotonic() - began
    assert all(10 <= int(found) <= 14 + lasted_s for [found] in ages), ages
    assert 92 >= left >= 88 - lasted_s


def test_a_countdown_that_ends_says_so_and_asks_for_its_slot_once(page, pages, live):
    """An offer whose time is over goes by itself."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    pages.body = slot(
        "tables", f'<time id="left" data-countdown data-countdown-done="Over" datetime="{end}"></time>' + SEATS
    )
    open_page(page, pages)
    becomes(page, "document.querySelector('#slot-tables').shadowRoot.querySelector('#left').textContent === 'Over'")
    becomes(page, "window.refetches.length === 1")
    time.sleep(1.5)
    assert [each["reason"] for each in refetches(page)] == ["countdown"]


def test_a_countdown_that_follows_a_topic_waits_for_its_next_moment(page, pages, live):
    """When its moment is over and there is no new one, it says so; a new moment starts it again; the slot is never
    fetched."""
    end = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    words = "document.querySelector('#slot-tables').shadowRoot.querySelector('#left').textContent"
    pages.body = slot(
        "tables",
        f'<time id="left" data-countdown data-countdown-done="Closed" datetime="{end}" '
        'data-live="tables.r1#closes" data-live-to="datetime"></time>',
    )
    open_page(page, pages)
    becomes(page, f"{words} === 'Closed'")
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 90))
    live.tell(live_message("tables.r1", 1, {"closes": later}))
    becomes(page, f"{words}.startsWith('1:2')")
    live.tell(live_message("tables.r1", 2, {"closes": None}))
    becomes(page, f"{words} === 'Closed'")
    assert refetches(page) == []


# The page's own life.


def hide(page, hidden):
    page.evaluate(
        """hidden => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
      document.dispatchEvent(new Event('visibilitychange'));
    }""",
        hidden,
    )


def test_a_hidden_page_gives_its_socket_back_and_gets_another_when_it_is_seen(page, pages, live):
    """A page that is hidden for long costs nothing; a short absence does not close the socket."""
    open_page(page, pages, clock=True)
    is_followed(live)
    hide(page, True)
    page.clock.run_for(3000)
    hide(page, False)
    page.clock.run_for(10_000)
    assert live.opened == 1
    hide(page, True)
    page.clock.run_for(6000)
    eventually(lambda: not live.open)
    page.clock.run_for(60_000)
    assert live.opened == 1
    hide(page, False)
    page.clock.run_for(1000)
    eventually(lambda: live.opened == 2)
    live.tell(live_message("tables.r1", 5, {"seats_taken": 5}))
    shows(page, "5")


def test_what_a_socket_says_first_holds_under_the_number_of_the_socket_before(page, pages, live):
    """Who signed in or out between them hears of the ledger what is so for them. After it a number says one thing."""
    pages.body = slot("wallet", "<p>1</p>", feeds="ledger")
    open_page(page, pages, clock=True)
    eventually(lambda: live.followed == {"feed.ledger"})
    live.tell(live_message("feed.ledger", 5, {}, state="stale"))
    has_clock_state(page, "delayed")
    hide(page, True)
    page.clock.run_for(6000)
    eventually(lambda: not live.open)
    hide(page, False)
    page.clock.run_for(1000)
    eventually(lambda: live.opened == 2 and live.followed == {"feed.ledger"})
    live.tell(live_message("feed.ledger", 5, {}))
    has_clock_state(page, "live")
    live.tell(live_message("feed.ledger", 5, {}, state="stale"), live_message("feed.ledger", 6, {}, state="down"))
    has_clock_state(page, "off")


def has_clock_state(page, wanted):
    eventually(lambda: (page.clock.run_for(1000), state(page, "wallet") == wanted)[1])


def test_a_page_from_the_back_forward_cache_is_live_again(page, pages, live):
    """The socket is closed when the page is left, so that the browser may cache the page, and opens when it returns."""
    pages.files["/elsewhere"] = ("text/html", b"<title>Elsewhere</title>")
    open_page(page, pages)
    is_followed(live)
    live.tell(live_message("tables.r1", 1, {"seats_taken": 3}))
    shows(page, "3")
    page.evaluate("window.marked = true")
    page.goto(pages.origin + "/elsewhere")
    eventually(lambda: not live.open)
    page.go_back()
    eventually(lambda: live.opened == 2)
    live.tell(live_message("tables.r1", 2, {"seats_taken": 4}))
    shows(page, "4")


def test_a_page_without_anything_live_opens_nothing(page, pages, live, errors):
    """No ticket, no socket, no message."""
    pages.body = slot("promotions", "<p>Nothing moves here</p>")
    open_page(page, pages, clock=True)
    for _ in range(20):
        page.clock.run_for(1000)
    assert (pages.tickets, live.opened, errors) == (0, 0, [])
    assert state(page, "promotions") is None
    assert page.evaluate("document.documentElement.dataset.live") == "live"


# With the real house behind it.


@pytest.fixture
def house(pages):
    with ValkeyServer() as valkey:
        house = LiveHouse(valkey.url)
        house.start(LIVE_ORIGINS=pages.origin)
        house.valkey = valkey
        pages.live_url = f"ws://127.0.0.1:{house.port}/live"
        pages.ticket = house.ticket
        yield house
        house.stop()


def put(house, *puts):
    async def work():
        store = Store.connect(house.valkey.url, UNHURRIED)
        for topic, data in puts:
            await store.put(topic, data, feed="tables")
        await store.aclose()

    run(work())


def beat(house):
    async def work():
        store = Store.connect(house.valkey.url, UNHURRIED)
        await store.heartbeat("tables")
        await store.announce(["tables"])
        await store.aclose()

    run(work())


def test_flood_of_the_real_house_shows_the_last_state_and_leaves_the_page_alive(page, pages, house, errors):
    """1,500 changes in a row: the page shows the last one, and responds meanwhile."""
    open_page(page, pages)
    eventually(lambda: house.metric("mullion_live_topics ") == 2)
    put(house, *[("tables.r1", {"seats_taken": n}) for n in range(1501)])
    shows(page, "1,500")
    assert page.evaluate("1 + 1") == 2
    assert errors == []


def test_a_page_of_a_foreign_origin_gets_no_socket(page, pages, house, errors):
    """Another site's page, with a ticket that it obtained, is refused and only polls."""
    with PageServer() as foreign:
        foreign.live_url, foreign.ticket, foreign.body = pages.live_url, house.ticket, pages.body
        open_page(page, foreign, clock=True)
        eventually(lambda: (page.clock.run_for(1000), state(page) == "off")[1])
        assert house.metric('mullion_live_refused_total{reason="origin"}') >= 3
        assert house.metric("mullion_live_sockets ") == 0
        assert all("403" in error for error in errors)


def test_provider_silent_though_connected_is_delayed_within_10_s_and_off_within_15_and_heals(page, pages, house):
    """Sockets work and heartbeats come, but the feed is silent: the slot says so, and heals by itself."""
    put(house, ("tables.r1", {"seats_taken": 1}))
    beat(house)
    silent = time.monotonic()
    open_page(page, pages)
    shows(page, "1")
    has_state(page, "delayed")
    assert time.monotonic() - silent < BUSY * 10
    has_state(page, "off")
    assert time.monotonic() - silent < BUSY * 15
    becomes(page, "window.refetches.length >= 1")
    beat(house)
    has_state(page, "live")


def test_a_restarted_house_is_found_again_with_the_latest_state(page, pages, house):
    """The process is killed and restarted: the page shows what changed meanwhile, without a reload."""
    put(house, ("tables.r1", {"seats_taken": 1}))
    open_page(page, pages)
    shows(page, "1")
    house.stop()
    put(house, ("tables.r1", {"seats_taken": 2}))
    house.start(LIVE_ORIGINS=pages.origin)
    becomes(
        page,
        "document.querySelector('#slot-tables').shadowRoot.querySelector('#seats').textContent === '2'",
    )
