"""What a browser does with forms and policy: a key for each form, approved payment pages, no script of an API."""

from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from shell.composition.assets import PREFIX, static_file, static_url
from shell.proxy.admission import rejection
from shell.security import content_security_policy
from tests.support.lobby import wait_for

SLOT = """<fragment-slot id="slot-poll" slot="poll" data-prefix="/slots/lobby/poll"><form method="post"
action="/slots/lobby/poll/actions/vote"><button>{}</button></form><fragment-end></fragment-end></fragment-slot>"""
PAGE = """<!doctype html><title>Policy</title><main><p>Page</p></main>
<form method="post" action="/pay/approved"><button>Approved</button></form>
<form method="post" action="/pay/unapproved"><button>Unapproved</button></form>
<form method="post" action="/pay/by-way-of"><button>By way of the approved</button></form>
<script src="/slots/lobby/poll/api/script.js"></script>"""


class Site(ThreadingHTTPServer):
    """The page's origin. `elsewhere` has where each payment leads; `received` are (path, status, idempotency key)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.elsewhere: dict[str, str] = {}
        self.policy = ""
        self.received: list[tuple[str, int, str]] = []

    def answer(self, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        html = {"content-type": "text/html", "content-security-policy": self.policy}
        if path.startswith("/pay/"):
            return 303, {"location": self.elsewhere[path.rpartition("/")[2]]}, b""
        if path.startswith("/slots/lobby/poll/api/"):
            if refused := rejection(method, headers, scheme="http"):
                return refused.status, {}, b""
            return 200, {"content-type": "text/javascript"}, b"window.ran = true"
        if path.startswith("/slots/"):
            first = not any(status == 500 for _, status, _ in self.received)
            return (500, {}, b"") if first else (200, html, SLOT.format("Voted").encode())
        if path.startswith(PREFIX) and (file := static_file(path)):
            return 200, {"content-type": file.content_type}, file.plain
        return (200, html, self.page().encode()) if path in ("/", "/checkout") else (404, {}, b"")

    def page(self) -> str:
        scripts = [("vendor/htmx-2.0.11.min.js", ""), ("slots.js", ' type="module"')]
        return (
            PAGE
            + "".join(f'<script src="{static_url(name)}"{kind}></script>' for name, kind in scripts)
            + (SLOT.format("Vote"))
        )


class Answering(BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        path = urlsplit(self.path).path
        status, fields, body = self.server.answer(self.command, path, headers)
        self.server.received.append((path, status, headers.get("idempotency-key", "")))
        self.send_response(status)
        for name, value in {**fields, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *args: Any) -> None:
        """Nothing: what came is in `received`."""


@pytest.fixture
def sites(settings: Any) -> Iterator[tuple[Site, Site, Site]]:
    """(the page's, an approved payment page's, one that nobody approved)."""
    with ExitStack() as stack:
        made = [stack.enter_context(Site()) for _ in range(3)]
        for site in made:
            Thread(target=site.serve_forever, daemon=True).start()
            stack.callback(site.shutdown)
        own, approved, unapproved = made
        settings.FORM_ORIGINS = [approved.url]
        content_security_policy.cache_clear()
        stack.callback(content_security_policy.cache_clear)
        own.policy = content_security_policy()
        own.elsewhere = {
            "approved": f"{approved.url}/checkout",
            "unapproved": f"{unapproved.url}/checkout",
            "by-way-of": f"{approved.url}/pay/on",
        }
        approved.elsewhere = {"on": f"{unapproved.url}/checkout"}
        yield own, approved, unapproved


def test_what_a_proxy_answers_never_runs_as_a_script(page: Page, sites: tuple[Site, Site, Site]) -> None:
    """A browser says what it fetches it for, and so it is refused."""
    own, *_ = sites
    page.goto(f"{own.url}/")
    assert ("/slots/lobby/poll/api/script.js", 403, "") in own.received
    assert page.evaluate("window.ran") is None


def test_browser_follows_a_form_to_an_approved_payment_page(page: Page, sites: tuple[Site, Site, Site]) -> None:
    """The page's policy names it, and lets the redirect pass."""
    own, approved, _ = sites
    page.goto(f"{own.url}/")
    page.get_by_role("button", name="Approved", exact=True).click()
    page.wait_for_url(f"{approved.url}/checkout")


@pytest.mark.parametrize("name", ["Unapproved", "By way of the approved"])
def test_browser_itself_refuses_a_form_that_leads_to_an_unapproved_origin(
    page: Page, sites: tuple[Site, Site, Site], name: str
) -> None:
    """The shell sends no such redirect. Were one sent, by it or by an approved page, nothing would come there."""
    own, _, unapproved = sites
    page.goto(f"{own.url}/")
    with page.expect_console_message(lambda message: "form-action" in message.text) as refused:
        page.get_by_role("button", name=name, exact=True).click()
    assert "has been blocked" in refused.value.text
    assert page.url == f"{own.url}/"
    assert unapproved.received == []


def test_form_without_a_key_is_sent_again_with_the_one_it_was_given(page: Page, sites: tuple[Site, Site, Site]) -> None:
    """For as long as it stands; what takes its place has another."""
    own, *_ = sites
    page.goto(f"{own.url}/")
    page.locator("form[hx-post]").wait_for()
    page.get_by_role("button", name="Vote").click()
    wait_for(lambda: len(keys_of(own)) == 1)
    page.get_by_role("button", name="Vote").click()
    page.get_by_role("button", name="Voted").click()
    wait_for(lambda: len(keys_of(own)) == 3, describe=lambda: own.received)
    first, again, other = keys_of(own)
    assert len(first) == 32
    assert first == again
    assert other not in ("", first)


def keys_of(site: Site) -> list[str]:
    return [key for path, _, key in site.received if path.endswith("/actions/vote")]
