"""What a body may contain, and what containment does with everything else."""

import pytest

from bff.resilience.reason import Reason
from shell.composition.contain import Contained, Container, LinkPolicy, Refusal
from shell.composition.contain.links import Isolation

pytestmark = pytest.mark.quick

PREFIX = "/slots/lobby/wallet"
LINKS = LinkPolicy(origins=frozenset({"https://help.example"}))


def put(body: str, isolation: Isolation = "shadow", links: LinkPolicy = LINKS) -> Contained | Refusal:
    return Container().contain(body.encode(), "text/html", prefix=PREFIX, isolation=isolation, links=links)


def html(body: str, isolation: Isolation = "shadow", links: LinkPolicy = LINKS) -> str:
    contained = put(body, isolation, links)
    assert isinstance(contained, Contained), contained
    return contained.html.decode()


@pytest.mark.parametrize(
    "body",
    [
        "<p>x</p>",
        '<ul class="grid"><li><a href="/tables/rl-7/">Roulette</a></li></ul>',
        f'<form method="post" action="{PREFIX}/actions/deposit"><input type="hidden" name="idempotency_key" value="k">'
        '<label>Amount <input id="a" name="amount" inputmode="decimal"></label><button>Deposit</button></form>',
        '<div role="status" aria-live="polite" data-live="tables.t1.seats_taken">4</div>',
        '<svg viewBox="0 0 8 8" aria-hidden="true"><path d="M0 0h8v8z" fill="currentColor"></path></svg>',
        '<img src="/assets/ab12" alt="" width="8" height="8"><img src="data:image/png;base64,AA==" alt="">',
        "<pre>\n\ntwo lines</pre><textarea>\n\nkept</textarea>",
        '<table><caption>C</caption><tbody><tr><th scope="row">a</th><td colspan="2">b</td></tr></tbody></table>',
        '<time datetime="2026-01-01T00:00:00Z">1 January</time><details><summary>Terms</summary>x</details>',
        '<live-clock offset="5" data-x="1">12:00</live-clock>',
        "<template><tr><td>x</td></tr></template>",
        "",
    ],
)
@pytest.mark.parametrize("isolation", ["shadow", "light"])
def test_well_behaved_html_is_untouched(body: str, isolation: Isolation) -> None:
    """What a fragment needs for its work passes as it was written, without a note."""
    contained = put(body, isolation)
    assert isinstance(contained, Contained)
    assert (contained.html.decode(), contained.notes) == (body, ())


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("a<script>alert(1)</script>b", "ab"),
        ("a<style>*{display:none}</style>b", "ab"),
        ('a<link rel="stylesheet" href="/assets/x">b', "ab"),
        ('a<base href="//evil/">b', "ab"),
        ('a<meta http-equiv="refresh" content="0;url=//evil/">b', "ab"),
        ("a<title>T</title>b", "ab"),
        ('a<iframe src="//evil/"></iframe>b', "ab"),
        ('a<object data="//evil/">c</object>b', "ab"),
        ('a<embed src="//evil/">b', "ab"),
        ('a<frameset><frame src="//evil/"></frameset>b', "ab"),
        ("a<xmp><b></xmp>b", "ab"),
        ("a<math><maction actiontype='statusline'><mtext>c</mtext></maction></math>b", "a<math></math>b"),
        ("a<!-- <p>c</p> -->b", "ab"),
        ("a<?php echo 1 ?>b", "ab"),
        ("a<![CDATA[ c ]]>b", "ab"),
        ("a<fragment-end></fragment-end>b", "ab"),
        ('a<fragment-slot slot="x">c</fragment-slot>b', "acb"),
        ('a<slot name="x">c</slot>b', "acb"),
        ("a<marquee>c</marquee>b", "acb"),
        ('a<template shadowrootmode="open"><p>c</p></template>b', "ab"),
        ("<div><html><head></head><body>c</body></html></div>", "<div>c</div>"),
    ],
)
@pytest.mark.parametrize("isolation", ["shadow", "light"])
def test_elements_that_act_on_the_page_are_dropped(body: str, left: str, isolation: Isolation) -> None:
    """Scripts, styles, documents and the shell's own elements do not come in with the body."""
    contained = put(body, isolation)
    assert isinstance(contained, Contained)
    assert contained.html.decode() == left


@pytest.mark.parametrize(
    "attribute",
    [
        'onclick="x()"',
        "ONCLICK=x()",
        'style="position:fixed"',
        'hx-on:click="x()"',
        'data-hx-on--load="x()"',
        'hx-on="click: x()"',
        'hx-get="https://evil.example/"',
        'hx-post="/slots/lobby/promotions/actions/claim"',
        'data-hx-post="/slots/lobby/promotions/actions/claim"',
        'hx-post="/slots/lobby/wallet/../promotions/actions/claim"',
        'hx-post="/slots/lobby/wallet/%2e%2e/promotions"',
        'hx-post="/slots/lobby/wallets"',
        'hx-swap-oob="true"',
        'hx-select-oob="#x"',
        'hx-target="body"',
        'hx-target="global #slot-other"',
        'hx-vals="js:{a: 1}"',
        'hx-trigger="click[x()]"',
        'hx-trigger="click from:body"',
        'hx-trigger="every 1ms"',
        'hx-push-url="/x"',
        'hx-boost="true"',
        'hx-ext="x"',
        'hx-headers="{}"',
        'accesskey="s"',
        "autofocus",
        'tabindex="1"',
        'popover="now"',
        'is="x-y"',
        'nonce="x"',
        'background="//evil/"',
    ],
)
def test_attributes_that_act_on_the_page_are_dropped(attribute: str) -> None:
    """Handlers, inline style and htmx that leaves the slot are taken off; the element stays."""
    assert html(f"<div {attribute}>x</div>") == "<div>x</div>"


@pytest.mark.parametrize(
    "attribute",
    [
        f'hx-get="{PREFIX}"',
        f'hx-post="{PREFIX}/actions/deposit"',
        'hx-target="this"',
        'hx-target="host"',
        'hx-target="#x"',
        'hx-target="next #x"',
        'hx-swap="outerHTML"',
        'hx-trigger="click delay:1s"',
        'hx-trigger="every 10s"',
        'hx-vals="{&quot;a&quot;: 1}"',
        'hx-confirm="Sure?"',
    ],
)
def test_htmx_within_the_slot_stays(attribute: str) -> None:
    """A fragment may use htmx on itself."""
    assert html(f"<div {attribute}>x</div>") == f"<div {attribute}>x</div>"


@pytest.mark.parametrize(
    "href",
    [
        "javascript:alert(1)",
        " javascript:alert(1)",
        "java\nscript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "//evil.example/",
        "/\\evil.example/",
        "\\\\evil.example/",
        "/\t/evil.example/",
        "https://evil.example/",
        "https://help.example.evil.example/",
        "https://help.example@evil.example/",
        "https:evil.example",
        "/slots/lobby/promotions/actions/claim",
        "/%73lots/lobby/promotions",
        "/a/../slots/lobby/promotions",
        "../relative",
        "a/../../relative",
        "./%2e%2e/relative",
        "a:relative",
        "blob:https://help.example/x",
    ],
)
def test_links_abroad_lose_their_target(href: str) -> None:
    """A link leads to the shell's pages, the slot's prefix or a declared origin, or nowhere."""
    escaped = href.replace("&", "&amp;").replace('"', "&quot;")
    assert html(f'<a href="{escaped}">x</a>') == "<a>x</a>"


@pytest.mark.parametrize(
    "href",
    ["/", "/cashier/", "/tables/rl-7/?x=1#y", "?page=2", "#terms", PREFIX, f"{PREFIX}?tab=2", "https://help.example/a?b",
     "mailto:help@example.com", "tel:+4912345"],
)  # fmt: skip
def test_links_within_reach_stay(href: str) -> None:
    """Pages of the shell and declared origins may be linked."""
    assert html(f'<a href="{href}">x</a>') == f'<a href="{href}">x</a>'


@pytest.mark.parametrize(
    "action", ["https://evil.example/", "/sign-out/", "/slots/lobby/promotions/actions/claim", "//e/", ""]
)
def test_form_abroad_is_no_form(action: str) -> None:
    """A form whose action is not the slot's own keeps its content and can not be sent."""
    assert html(f'<form method="post" action="{action}"><button>Go</button></form>') == "<button>Go</button>"


def test_form_that_would_post_to_the_page_is_no_form() -> None:
    """A form without an action posts to the page that shows it."""
    assert html('<form method="post"><button>Go</button></form>') == "<button>Go</button>"


def test_button_with_foreign_action_is_disabled() -> None:
    """A button that meant another action must not fall back to its form's."""
    body = f'<form method="post" action="{PREFIX}/actions/a"><button formaction="/evil">Go</button></form>'
    assert '<button disabled="">Go</button>' in html(body)


@pytest.mark.parametrize(
    "source", ["https://evil.example/x.png", "//evil/x", "/slots/lobby/other/x.png", "data:text/html,x"]
)
def test_images_from_abroad_lose_their_source(source: str) -> None:
    """An image comes from the slot, the shell's copies or its own URL."""
    assert html(f'<img src="{source}" alt="x">') == '<img alt="x">'


def test_frames_need_a_policy() -> None:
    """A frame stays only from an allowed origin, sandboxed."""
    body = '<iframe src="https://games.example/x" onload="x()" srcdoc="y"></iframe>'
    allowed = LinkPolicy(frame_origins=frozenset({"https://games.example"}))
    assert html(body) == ""
    assert html(body, links=allowed) == (
        '<iframe src="https://games.example/x" sandbox="allow-forms allow-same-origin allow-scripts"></iframe>'
    )


@pytest.mark.parametrize(
    "body", ["<div><plaintext>x", "<script>a<!--<script></script>", "<svg><script>x&lt;!--</script></svg>"]
)
def test_bodies_that_can_not_be_closed_are_refused(body: str) -> None:
    """`<plaintext>` never ends, and a comment within a script moves the script's end."""
    refused = put(body)
    assert isinstance(refused, Refusal)
    assert refused.reason is Reason.UNSAFE_HTML


@pytest.mark.parametrize("name", ["exports", "htmx", "slot-wallet", "mullion-x"])
def test_light_ids_leave_the_shells_names_alone(name: str) -> None:
    """In the document's own tree an id could pose as a global or as the shell's element."""
    assert html(f'<p id="{name}">x</p>', "light") == "<p>x</p>"
    assert html(f'<p id="{name}">x</p>', "shadow") == f'<p id="{name}">x</p>'


def test_slots_of_top_elements_are_dropped_in_light_isolation() -> None:
    """A fragment can not move a part of itself into another slot of the page."""
    assert html('<p slot="other">x</p><x-card><b slot="title">y</b></x-card>', "light") == (
        '<p>x</p><x-card><b slot="title">y</b></x-card>'
    )


def test_control_names_do_not_shadow_their_form() -> None:
    """A control named `submit` would take the place of the form's own method."""
    body = f'<form action="{PREFIX}"><input name="submit"><input name="amount"></form>'
    assert html(body) == f'<form action="{PREFIX}"><input><input name="amount"></form>'


def test_notes_say_what_was_taken_out() -> None:
    """An author can see what the shell dropped."""
    contained = put('<p onclick="x">a</p><script>b</script>')
    assert isinstance(contained, Contained)
    assert contained.notes == ("removed <script>", "removed onclick of <p>")


def test_same_body_is_contained_once() -> None:
    """The second time it comes out of the cache, by body, prefix, isolation and policy."""
    container = Container()

    def ask(body: bytes = b"<p>x</p>", prefix: str = PREFIX, isolation: Isolation = "shadow") -> Contained | Refusal:
        return container.contain(body, "text/html", prefix=prefix, isolation=isolation, links=LINKS)

    first = ask()
    assert ask() is first
    assert ask(isolation="light") is not first
    assert ask(prefix="/slots/lobby/other") is not first
    assert ask(body=b"<p>y</p>") is not first


def test_custom_element_takes_no_shadow_root_along() -> None:
    """A name that only means something on a template stays there: `shadowrootmode` on `<x-a>` is taken out."""
    assert "shadowroot" not in html('<x-a shadowrootmode="open" shadowrootclonable="1">a</x-a>')
