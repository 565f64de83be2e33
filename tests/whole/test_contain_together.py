"""The page's scripts and what containment lets through: names that two answers bring, and requests without end."""

from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Route

from shell.security import content_security_policy
from tests.support.contain_browser import ORIGIN, STATIC
from tests.support.lobby import wait_for

TWO = """<!doctype html><title>x</title>
<fragment-slot slot="a" id="slot-a"><form id="f" action="/a"><button>a</button></form><dialog id="d">a</dialog>
</fragment-slot>
<fragment-slot slot="b" id="slot-b">b</fragment-slot>"""
LATER = (
    '<form id="f" action="/b"></form><button form="f">x</button><button commandfor="d" command="show-modal">y</button>'
    '<label for="own">z</label><input id="own"><output for="f own">o</output>'
)
LOOP = """<!doctype html><title>x</title><script src="/vendor/htmx-2.0.11.min.js"></script>
<script type="module">import { endLoops } from "/slots/loops.js";
endLoops((element) => element.closest("fragment-slot"));
document.querySelector("fragment-slot").innerHTML = TRIGGERED; htmx.process(document.body)</script>
<fragment-slot slot="a"></fragment-slot>"""


def served(page: Page, html: str, requested: list[str] | None = None, answer: str = "") -> None:
    """Opens `html` with the page's own scripts; every other request gets `answer`."""

    def respond(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(body=html, content_type="text/html")
        elif path.endswith(".js"):
            route.fulfill(body=(STATIC / path.lstrip("/")).read_text(), content_type="text/javascript")
        else:
            if requested is not None:
                requested.append(path)
            route.fulfill(body=answer, content_type="text/html")

    page.route("**/*", respond)
    page.goto(f"{ORIGIN}/")


def test_answer_that_comes_second_reaches_no_form_of_the_first(page: Page) -> None:
    """Two slots are fetched at once and bring the same ids: the later one loses them, with everything that refers to
    them."""
    served(page, TWO)
    html = page.evaluate(
        """async (later) => {
            const { replaceSlot } = await import("/slots/swap.js");
            const answer = document.createElement("fragment-slot");
            answer.slot = "b"; answer.id = "slot-b"; answer.innerHTML = later;
            replaceSlot(document.getElementById("slot-b"), answer);
            return document.getElementById("slot-b").innerHTML;
        }""",
        LATER,
    )
    assert html == (
        '<form action="/b"></form><button>x</button><button command="show-modal">y</button>'
        '<label for="own">z</label><input id="own"><output for="own">o</output>'
    )
    assert page.evaluate("() => document.getElementById('f').elements.length") == 1


@pytest.mark.parametrize("trigger", ["load", "load delay:1ms", "revealed"])
def test_what_asks_by_itself_comes_to_an_end(page: Page, trigger: str) -> None:
    """An answer that requests itself again may do so ten times, and again after a person has done something."""
    requested: list[str] = []
    triggered = f'<p hx-get="/again" hx-trigger="{trigger}" hx-swap="outerHTML">x</p>'
    served(page, LOOP.replace("TRIGGERED", f"`{triggered}`"), requested, triggered)
    wait_for(lambda: page.wait_for_timeout(20) or len(requested) >= 10, describe=lambda: len(requested))
    page.wait_for_timeout(400)
    assert len(requested) == 10
    page.keyboard.press("Shift")
    page.evaluate(
        "(html) => { document.querySelector('fragment-slot').innerHTML = html; htmx.process(document.body); }",
        triggered,
    )
    wait_for(lambda: page.wait_for_timeout(20) or len(requested) >= 20, describe=lambda: len(requested))
    page.wait_for_timeout(400)
    assert len(requested) == 20


def test_what_somebody_opened_is_not_taken_from_them(page: Page) -> None:
    """A slot whose popover or dialog is open holds back a new answer until it is closed."""
    served(page, TWO.replace("b</fragment-slot>", '<p popover="" id="p">b</p></fragment-slot>'))
    seen = page.evaluate(
        """async () => {
            const { busy } = await import("/slots/typing.js");
            const [a, b] = document.querySelectorAll("fragment-slot"), seen = [busy(a), busy(b)];
            document.getElementById("p").showPopover();
            seen.push(busy(b));
            document.getElementById("p").hidePopover();
            document.getElementById("d").showModal();
            seen.push(busy(a), busy(b));
            document.getElementById("d").close();
            return [...seen, busy(a)];
        }"""
    )
    assert seen == [False, False, True, True, False, False]


def test_policy_lets_the_style_of_an_element_stand_and_no_other(page: Page) -> None:
    """Under the policy of every page an element's `style` applies and a custom property fetches nothing, a stylesheet
    in the page does not apply, and a frame of an unapproved origin is not requested."""
    requested: list[str] = []
    html = (
        "<!doctype html><style>#c { color: rgb(255, 0, 0) }</style><p id='a' style='width: 40px; --w: 40%'>x</p>"
        "<div style='width: 100px'><p id='b' style='width: var(--w); --w: 40%'>x</p></div><p id='c'>x</p>"
        "<iframe src='https://evil.example/'></iframe>"
    )

    def respond(route: Route) -> None:
        if route.request.url == f"{ORIGIN}/":
            policy = {"content-security-policy": content_security_policy()}
            route.fulfill(body=html, content_type="text/html", headers=policy)
        else:
            requested.append(route.request.url)
            route.fulfill(body="")

    page.route("**/*", respond)
    page.goto(f"{ORIGIN}/")
    widths = "() => ['a', 'b'].map((id) => getComputedStyle(document.getElementById(id)).width)"
    assert page.evaluate(widths) == ["40px", "40px"]
    assert page.evaluate("() => getComputedStyle(document.getElementById('c')).color") == "rgb(0, 0, 0)"
    assert not [url for url in requested if "evil" in url]
