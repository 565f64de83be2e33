"""A page published as data is checked before it is live: every fault is reported, and a sound page is accepted."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from shell.composition.page import PagesBroken
from shell.pages.addresses import overlap, pathname_problem
from shell.pages.check import PageCheck
from shell.pages.document import DOCUMENT_BYTES_MAX, canonical, read_document
from shell.pages.published import LivePages
from shell.pages.table import FilePages, PageEntry, SlotEntry, page_of

pytestmark = pytest.mark.quick
GRANT = {"audience": "game:{table}", "scopes": ["games.play"], "life_h": 12}
LAYOUT = {"order": ["heading", "offers"], "slots": {"offers": {"skeleton": "cards", "height_px": {"0": 400}}}}
DOCUMENT: dict[str, Any] = {
    "page": "offers",
    "route": "/offers/",
    "title": "Offers",
    "heading": "All offers",
    "slots": {"offers": {"fragment": "promotions", "pathname": "/offers"}},
    "layout": LAYOUT,
}


def page(name: str, route: str, fragment: str, **slot: Any) -> Any:
    entry = PageEntry(route, "lobby.html", {"wallet": SlotEntry(fragment, **slot)})
    return page_of(name, name, entry, {fragment: frozenset({f"{fragment}.read"})})


FILE = FilePages(
    [page("lobby", "/", "wallet"), page("table", "/tables/{table}/", "wallet", pathname="/{table}")],
    {"wallet": frozenset({"wallet.read"}), "promotions": frozenset({"promotions.read"})},
)
CHECK = PageCheck(FILE, {}, {}, frozenset({"promotions", "wallet"}), frozenset({"sign-in", "slots"}))


def written(**changes: Any) -> bytes:
    return json.dumps(DOCUMENT | changes).encode()


def with_slot(**slot: Any) -> bytes:
    return written(slots={"offers": {"fragment": "promotions", "pathname": "/offers", **slot}})


def test_page_that_is_whole_is_taken_with_the_scopes_that_operators_gave() -> None:
    """Scopes are those of the file unless the registry has others; the document can not set any."""
    made = CHECK.check("offers", written())
    assert made is not None
    assert [(slot.name, slot.fragment, slot.scopes) for slot in made.slots] == [
        ("offers", "promotions", frozenset({"promotions.read"}))
    ]
    other = PageCheck(FILE, {}, {"promotions": frozenset({"promotions.claim"})}, CHECK.fragments)
    again = other.check("offers", written())
    assert again is not None
    assert again.slots[0].scopes == frozenset({"promotions.claim"})
    with pytest.raises(PagesBroken, match="scopes"):
        CHECK.check("offers", with_slot(scopes=["wallet.withdraw"]))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (with_slot(fragment="promos"), "slots.offers: no release of promos is live. Live: promotions, wallet"),
        (written(page="other"), "page: the document is of other, and this is offers"),
        (written(route="offers"), "must start and end with a slash"),
        (written(route="/sign-in/"), "/sign-in/ is the shell's own"),
        (written(route="/"), "is the address of the page lobby"),
        (written(route="/tables/new/"), "is the address of the page table"),
        (written(route="/{any}/", samples={"any": "x"}), "its first segment is no parameter"),
        (written(route="/a/{x}/{x}/", samples={"x": "x"}), "its route has one parameter twice"),
        (written(route="/A b/"), "is neither lower-case letters"),
        (written(route="/a" * 9 + "/"), "at most 8 segments"),
        (written(route="/offers/{kind}/"), "samples: the route has kind"),
        (written(route="/offers/{kind}/", samples={"kind": "/"}), "samples must give each"),
        (written(layout=LAYOUT | {"order": ["heading", "offers", "offers"]}), "layout: order has 'offers' 2 times"),
        (written(layout=LAYOUT | {"order": ["heading"]}), "layout: order has 'offers' 0 times"),
        (written(layout={"order": ["heading"], "slots": {}}), "layout: slots.offers is missing"),
        (written(layout=LAYOUT | {"style": "*{}"}), "unknown field `style`"),
        (written(layout=LAYOUT | {"slots": {"offers": {"skeleton": "curtain"}}}), "curtain is none of cards, form"),
        (with_slot(grant=GRANT), "uses ['table'], which its route does not have"),
        (with_slot(grant={"audience": "game:one"}), "slots.offers.grant: a grant that the page has not is an operator"),
        (with_slot(query=["receipt"]), "can not take the query names"),
        (with_slot(pathname="/offers/../mine"), "slots.offers.pathname: '/offers/../mine' is no path"),
        (with_slot(pathname="/./mine"), "is no path"),
        (with_slot(pathname="/%6Dine"), "is no path"),
        (with_slot(pathname="\\mine"), "is no path"),
        (with_slot(pathname="//mine"), "is no path"),
        (with_slot(pathname="/mine?of=pl_ana"), "is no path"),
        (with_slot(pathname="@evil.example"), "is no path"),
        (with_slot(pathname="/a" * 9), "is no path"),
        (with_slot(pathname="a" * 60_000 + "!"), "is no path"),
        (written(template="lobby.html"), "unknown field `template`"),
        (written(heading="a\u0000b"), "control character"),
        (written(title=""), "title"),
        (written(slots={}), "slots"),
        (written(slots={"Of fers": {"fragment": "promotions"}}), "slots"),
        (written(page="not-found"), "the shell's own"),
        (written(heading="x" * DOCUMENT_BYTES_MAX), "at most"),
        (b"page = 1", "malformed"),
    ],
)
def test_broken_page_is_refused_with_field_and_remedy(body: bytes, why: str) -> None:
    """Each fault has its field and the remedy or the values that there are."""
    with pytest.raises(PagesBroken) as refused:
        CHECK.check("offers", body)
    assert why in str(refused.value)


def test_all_faults_of_a_page_are_reported_at_once() -> None:
    """One check reports all faults of a document."""
    body = written(route="/tables/x/", slots={"offers": {"fragment": "none"}}, layout={"order": [], "slots": {}})
    with pytest.raises(PagesBroken) as refused:
        CHECK.check("offers", body)
    assert str(refused.value).count(";") >= 3


def test_grant_is_an_operators_to_give_and_stays_where_it_is() -> None:
    """A page's owner may keep or remove a grant, and not add one."""
    changes: dict[str, Any] = {"route": "/play/{table}/", "samples": {"table": "1"}}
    granted = written(**changes, slots={"offers": {"fragment": "promotions", "grant": GRANT}})
    with pytest.raises(PagesBroken, match="an operator's to give"):
        CHECK.check("offers", granted)
    by_operator = PageCheck(FILE, {}, {}, CHECK.fragments, operator=True)
    assert by_operator.check("offers", granted)
    after = PageCheck(FILE, {"offers": canonical(read_document(granted))}, {}, CHECK.fragments)
    retitled = written(**changes, title="Play", slots={"offers": {"fragment": "promotions", "grant": GRANT}})
    assert after.check("offers", retitled)
    more = GRANT | {"scopes": ["games.play", "games.all"]}
    with pytest.raises(PagesBroken, match="an operator's to give"):
        after.check("offers", written(**changes, slots={"offers": {"fragment": "promotions", "grant": more}}))


def test_page_of_the_file_comes_back_only_where_its_address_is_free() -> None:
    """A rollback to the file is refused if another page has taken the address; a page that the file does not have
    disappears.
    """
    moved = {"lobby": written(page="lobby", route="/start/"), "offers": written(route="/offers/")}
    documents = {name: canonical(read_document(body)) for name, body in moved.items()}
    assert PageCheck(FILE, documents, {}, CHECK.fragments).check("lobby", b"") is not None
    assert CHECK.check("offers", b"") is None
    documents["offers"] = canonical(read_document(written(route="/")))
    with pytest.raises(PagesBroken, match="is the address of the page offers"):
        PageCheck(FILE, documents, {}, CHECK.fragments).check("lobby", b"")


@pytest.mark.parametrize(
    ("one", "two", "both"),
    [
        ("/", "/", True),
        ("/a/", "/", False),
        ("/a/b/", "/a/b/", True),
        ("/a/b/", "/a/{x}/", True),
        ("/a/{x}/", "/b/{x}/", False),
        ("/a/{x}/c/", "/a/b/{y}/", True),
    ],
)
def test_two_pages_can_not_have_one_address(one: str, two: str, both: bool) -> None:
    """Routes that are equal or match the same paths by a parameter are refused."""
    assert overlap(one, two) is overlap(two, one) is both


def test_same_page_is_the_same_bytes_however_it_is_written() -> None:
    """Another order of keys or spacing would otherwise count as a change."""
    turned = json.dumps(dict(reversed(DOCUMENT.items())), indent=3).encode()
    assert canonical(read_document(turned)) == canonical(read_document(written()))


def test_running_table_keeps_what_is_the_same_and_leaves_out_what_can_not_be_shown() -> None:
    """An unchanged page stays the same object and is not compiled again; a broken one affects no other page."""
    drawn: list[str] = []
    live = LivePages(FILE, lambda page: drawn.append(page.name))
    body = canonical(read_document(written()))
    live.take_published({"offers": body}, {})
    first = live.match("/offers/")
    live.take_published({"offers": body, "bad": b"{", "taken": written(page="taken", route="/")}, {})
    assert live.match("/offers/") == first
    assert first is not None
    assert live.match("/offers/")[0] is first[0]  # type: ignore[index]
    assert live.by_key("bad") is None
    assert live.match("/")[0].name == "lobby"  # type: ignore[index]
    live.take_published({}, {"wallet": frozenset()})
    assert live.match("/offers/") is None
    assert live.match("/")[0].slots[0].scopes == frozenset()  # type: ignore[index]
    assert drawn == ["offers", "taken"]


def test_example_of_the_book_is_a_page() -> None:
    """The README's example can be published unchanged."""
    text = (Path(__file__).parents[3] / "shell" / "README.md").read_text("utf-8")
    example = tomllib.loads('page = "offers"' + text.partition('```toml\npage = "offers"')[2].partition("```")[0])
    assert CHECK.check("offers", json.dumps(example).encode())


@pytest.mark.parametrize("pathname", ["", "/", "/offers", "offers/more/", "/{kind}/v1.2~x", "/" + "a" * 128])
def test_pathname_of_a_slot_is_taken_as_it_is_written(pathname: str) -> None:
    """Any pathname that a fragment uses is kept character by character."""
    assert pathname_problem(pathname) == ""
