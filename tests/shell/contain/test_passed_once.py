"""Bodies that earlier versions let through, or changed into something else; each case names its trick."""

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, Isolation, LinkPolicy, Refusal

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))


def put(body: str, isolation: Isolation = "shadow") -> Contained | Refusal:
    return Container().contain(body.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=LINKS)


def html_of(body: str, isolation: Isolation = "shadow") -> str:
    contained = put(body, isolation)
    assert isinstance(contained, Contained), contained
    return contained.html.decode()


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize("reference", ["&#127;", "&#0127;", "&#x7f;", "&#X007F;", "&#127 ", "&#x7Fg"])
def test_body_that_refers_to_del_is_refused(reference: str, isolation: Isolation) -> None:
    """DEL marks what is tamed while it is parsed: in a value it could hide words from the check that knows them."""
    refused = put(f'<p id="nox{reference}tice">x</p>', isolation)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.ENCODING


def test_references_that_only_begin_like_del_are_characters() -> None:
    """127 is DEL, 1270 is not."""
    assert html_of("<p>&#1270;&#x7f0;</p>") == "<p>\u04f6\u07f0</p>"


@pytest.mark.parametrize(
    "trigger", ["load", "load delay:0ms", "revealed", "intersect once", "htmx:load", "htmx:afterSwap", "mullion:swap",
                "click, load", "animationend", "every 1s", "click from:body", "click[true]"],
)  # fmt: skip
def test_slot_can_not_reload_itself_without_end(trigger: str) -> None:
    """What the browser or htmx fires by itself triggers nothing: what replaces itself would load for ever."""
    out = html_of(f'<p hx-get="{PREFIX}" hx-trigger="{trigger}" hx-target="host" hx-swap="outerHTML">x</p>')
    assert "hx-trigger" not in out


@pytest.mark.parametrize(
    "trigger", ["click", "submit, change delay:500ms", "every 3s", "offers:changed once", "keyup changed"]
)
def test_what_a_person_does_triggers(trigger: str) -> None:
    """So do a slow clock and an event of the fragment's own script."""
    body = f'<p hx-get="{PREFIX}" hx-trigger="{trigger}">x</p>'
    assert html_of(body) == body


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        ("<svg action=x><title>T</title><use href='#a'></use></svg>",
         '<svg><title>T</title><use href="#a"></use></svg>'),
        ("<template action=x><tr><td>x</td></tr></template>", "<template><tr><td>x</td></tr></template>"),
        ("<table action=x><tr><td>x</table>", "<table><tbody><tr><td>x</td></tr></tbody></table>"),
    ],
)  # fmt: skip
def test_action_unwraps_forms_only(body: str, becomes: str) -> None:
    """The content of anything else is what it is within its element."""
    assert html_of(body) == becomes


@pytest.mark.parametrize(
    ("body", "becomes"),
    [
        ("<p>&amplt;b&ampgt;</p>", "<p>&amp;lt;b&amp;gt;</p>"),
        ('<a href="/x?a=1&notit;">y</a>', '<a href="/x?a=1&amp;notit;">y</a>'),
        ('<a title="&ampquot;">y</a>', '<a title="&amp;ampquot;">y</a>'),
        ("<p>&fjlig;&nvlt;</p>", "<p>fj&lt;\u20d2</p>"),
    ],
)
def test_reference_means_what_a_browser_reads(body: str, becomes: str) -> None:
    """A name that nobody knows is text; its beginning is not taken for a shorter one."""
    assert html_of(body) == becomes


def test_label_reaches_no_other_fragments_button() -> None:
    """In a tree that fragments share a label points at a control of its own body alone."""
    body = '<label for="go">You have won</label><label for="a">Your\n amount</label><input id="a">'
    assert html_of(body, "light") == body.replace(' for="go"', "")
    assert html_of(body) == body


def test_image_is_no_property_of_its_form() -> None:
    """An image's name or id is one as a control's is."""
    out = html_of(f'<form action="{PREFIX}/a"><img name="method" id="getAttribute" src="/assets/a" alt=""></form>')
    assert out == f'<form action="{PREFIX}/a"><img src="/assets/a" alt=""></form>'


def test_drawing_spells_no_address_with_escapes() -> None:
    """CSS reads `u\\72l(` as `url(`."""
    assert html_of('<svg><rect fill="u\\72l(https://evil.example/)"></rect></svg>') == "<svg><rect></rect></svg>"


def test_attributes_without_values_are_counted_as_they_are_written() -> None:
    """Shorter in the body than in the page, they count all the same."""
    refused = put("".join(f"<p {' '.join(f'a{n}' for n in range(150))}></p>" for _ in range(100)))
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.OVERSIZE
