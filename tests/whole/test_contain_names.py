"""An open page sends the shell the names that its slots already use."""

from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

from shell.composition.page_names import read_names_taken
from shell.registry.scope import scoped
from tests.support.contain_browser import ORIGIN, STATIC

PAGE = """<!doctype html><title>x</title>
<fragment-slot id="slot-a"><p id="one &amp; only">x</p><details name="faq"></details><map name="m"></map>
<input type="radio" name="pick"><form><input type="RADIO" name="formed" id="r"></form>
<input name="text"></fragment-slot>
<fragment-slot id="slot-b"><p id="two">x</p></fragment-slot>
<fragment-slot id="slot-c"><template shadowrootmode="open"><p id="three">x</p></template></fragment-slot>"""


def test_page_tells_the_names_of_its_other_slots(page: Page) -> None:
    """Ids and groups in the shared tree, except those of the requested slot; none of a shadow root."""

    def answer(route: Route) -> None:
        path = urlsplit(route.request.url).path
        if path == "/":
            route.fulfill(body=PAGE, content_type="text/html")
        else:
            route.fulfill(body=(STATIC / path.lstrip("/")).read_text(), content_type="text/javascript")

    page.route("**/*", answer)
    page.goto(f"{ORIGIN}/")
    values = page.evaluate(
        """async () => {
            const { namesTaken } = await import("/slots/names.js");
            const slots = ["a", "b", "c"].map((name) => document.getElementById(`slot-${name}`));
            return [...slots.map(namesTaken), namesTaken(null)];
        }"""
    )
    of_a = "id:one%20%26%20only details:faq map:m radio:pick id:r"
    assert values == ["id:two", of_a, f"{of_a} id:two", f"{of_a} id:two"]
    assert (
        read_names_taken(values[1]).make_unique(b'<p id="one &amp; only">x</p>', "b")
        == b'<p id="one &amp; only--b">x</p>'
    )
    page.evaluate("() => { for (let n = 0; n < 2000; n++) document.getElementById('slot-b').append("
                  "Object.assign(document.createElement('p'), { id: `p${n}` })); }")  # fmt: skip
    assert page.evaluate("async () => (await import('/slots/names.js')).namesTaken(null)") == "*"


HOSTILE = """
fragment-slot, p, :root, html, body { display: none !important; color: rgb(255, 0, 0) !important }
html:root > body * , fragment-slot:not(:scope) p { visibility: hidden !important; --m-accent: red }
@layer page { p { position: fixed; inset: 0 } } @property --m-x { syntax: "*"; inherits: false; initial-value: red }
@keyframes spin { to { opacity: 0 } } .own { display: block !important; color: rgb(0, 0, 255) !important }
} p { display: none !important } body { display: block !important }
"""


def test_light_style_of_one_slot_leaves_the_others_as_they_were(page: Page) -> None:
    """Neither a sibling nor the page itself looks different, and the slot's own elements do."""
    css, _ = scoped(HOSTILE.encode(), "bad")
    slot = '<fragment-slot data-fragment="{0}" id="slot-{0}"><style>{1}</style><p class="own">x</p></fragment-slot>'
    page.set_content(
        "<!doctype html><style>@keyframes spin { to { opacity: 1 } } :root { --m-x: 1px }</style><main><p>shell</p>"
        + slot.format("bad", css.decode())
        + slot.format("good", "")
        + "</main>"
    )
    looks = page.evaluate(
        """() => ["html", "body", "main > p", "#slot-good", "#slot-good p", "#slot-bad p"].map((selector) => {
            const style = getComputedStyle(document.querySelector(selector));
            const names = ["display", "visibility", "color", "position", "--m-x"];
            return names.map((name) => style.getPropertyValue(name)).join();
        })"""
    )
    plain = "block,visible,rgb(0, 0, 0),static,1px"
    assert looks[:3] == [plain] * 3
    assert looks[3] == plain.replace("block", "inline")
    assert looks[4] == plain
    assert "rgb(0, 0, 255)" in looks[5]
