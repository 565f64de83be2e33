"""The place that a body marks for a nested slot: one, empty, where no element around it changes its content."""

import pytest

from shell.composition.contain import Contained, Container, Isolation, LinkPolicy, unplaced
from shell.composition.contain.sentinel import survives
from shell.composition.contain.slot_places import inert_around, place_of

pytestmark = pytest.mark.quick

PLACE = place_of("cart").decode()
# One of each element that is parsed differently inside its own kind, or that ends or moves what is around it.
INNER = (
    '<li>1</li><dd>2</dd><p>3</p><h2>4</h2><a href="/">5</a><form action="/slots/a/cart/x"><button>6</button></form>'
    "<table><tbody><tr><td>7</td></tr></tbody></table><select><option>8</option></select><b>9</b><nav>10</nav>"
)
_END = "<fragment-end></fragment-end>"
CHILDREN = {
    "shadow": f'<fragment-slot slot="cart"><template shadowrootmode="open">{INNER}{_END}</template></fragment-slot>',
    "light": f'<fragment-slot slot="cart">{INNER}{_END}</fragment-slot>',
}
AROUND = (
    "<div>{}</div>",
    '<header class="h"><nav><span>{}</span></nav></header>',
    "<p>Before</p>{}<p>Behind</p>",
    "<b>Before</b><article><section>{}</section></article><i>Behind</i>",
)
LISTED = ("<ul><li>{}</li><li>2</li></ul>", "<dl><dt>{}</dt><dd>2</dd></dl>")
NEVER = (
    "<p>{}</p>",
    '<a href="/">{}</a>',
    "<button>{}</button>",
    '<form action="/slots/a/header/x">{}</form>',
    "<label>{}</label>",
    "<b>{}</b>",
    "<h1>{}</h1>",
    "<table><tbody><tr><td>{}</td></tr></tbody></table>",
    "<select><option>{}</option></select>",
    "<svg><g>{}</g></svg>",
    "<template>{}</template>",
    "<noscript>{}</noscript>",
    "<details><summary>{}</summary></details>",
    "<x-box>{}</x-box>",
)


def contained(html: str, isolation: Isolation = "shadow", *places: str, sandboxed: bool = False) -> Contained:
    made = Container().contain(
        html.encode(),
        "text/html",
        prefix="/slots/a/header",
        isolation=isolation,
        links=LinkPolicy(),
        sandboxed=sandboxed,
        places=places or ("cart",),
    )
    assert isinstance(made, Contained)
    return made


def test_what_a_place_takes_away_leads_nowhere_else() -> None:
    """A label of what stood in a place would be one of the page's, and what stood in a <slot> that no page fills would
    choose its place by itself."""
    made = contained('<label for="x">a</label><slot name="cart"><input id="x"></slot>', "light")
    assert made.html.decode() == f"<label>a</label>{PLACE}"
    assert contained('<slot><p slot="x">a</p></slot>', "light").html == b"<p>a</p>"


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize("around", AROUND)
def test_place_stays_in_plain_boxes(around: str, isolation: Isolation) -> None:
    """It is left empty, whatever stands in it where no page fills it."""
    made = contained(around.format('<slot class="c" name="cart"><a href="/cart/">Your cart</a></slot>'), isolation)
    assert made.html.decode() == around.format(PLACE)
    assert made.notes == ()
    assert unplaced(made.html, ("cart", "menu")) == ('no <slot name="menu">, so menu stands at its end',)


@pytest.mark.parametrize("listed", LISTED)
def test_place_stays_in_a_list_of_a_shadow_root_alone(listed: str) -> None:
    """In a shared tree an item within it would end the item around it."""
    assert contained(listed.format(PLACE)).html.decode() == listed.format(PLACE)
    assert contained(listed.format(PLACE), sandboxed=True).html.decode() == listed.format(PLACE)
    assert contained(listed.format(PLACE), "light").html.decode() == listed.format("")


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize("around", NEVER)
def test_place_within_what_acts_or_reads_differently_is_none(around: str, isolation: Isolation) -> None:
    """Its content stays, and its authors are told."""
    made = contained(around.format('<slot name="cart">Cart</slot>'), isolation)
    assert b"<slot" not in made.html
    assert any("<slot" in note for note in made.notes)


def test_scripted_box_of_a_shared_tree_holds_no_place() -> None:
    """What htmx or a script of the page reads of an element would hold for the other fragment in it."""
    html = '<div hx-get="/slots/a/header/x"><slot name="cart">Cart</slot></div>'
    assert b"<slot" not in contained(html, "light").html
    assert b"<slot" in contained(html).html


def test_slot_has_one_place_and_only_if_a_page_fills_it() -> None:
    """A second one, one of another name and one without a name are what they hold."""
    made = contained(f'{PLACE}<slot name="cart">Again</slot><slot name="menu">Menu</slot><slot>Rest</slot>')
    assert made.html.decode() == f"{PLACE}AgainMenuRest"
    assert 'no page puts a slot into <slot name="menu"> here' in made.notes
    within = contained('<slot name="cart"><slot name="menu">x</slot></slot>', "shadow", "cart", "menu")
    assert within.html.decode() == PLACE


def test_nothing_of_a_copy_acts_but_what_stands_in_its_places() -> None:
    """All around them is inert, and a box that a script would follow is followed no more; without a place all is."""
    html = f'<p>1</p>2<div data-live="a#b" class="c"><b>3</b><nav>{PLACE}</nav><form>4</form></div>'
    quiet = f'<p inert="">1</p>2<div class="c"><b inert="">3</b><nav>{PLACE}</nav><form inert="">4</form></div>'
    assert inert_around(html.encode()).decode() == quiet
    assert inert_around(b"<p>1</p>") == b'<p inert="">1</p>'


def test_slot_of_a_root_that_the_body_brings_is_no_place() -> None:
    """It is for what stands in its own host; the page's slot of that name stands at the end."""
    html = '<div><template shadowrootmode="open"><slot name="cart"></slot></template><b slot="cart">1</b></div>'
    made = contained(html)
    assert b'<slot name="cart">' in made.html
    assert unplaced(made.html, ("cart",))


@pytest.mark.parametrize("inner", CHILDREN)
@pytest.mark.parametrize("around", [*AROUND, *LISTED])
def test_what_is_put_into_a_place_changes_nothing_around_it(around: str, inner: str) -> None:
    """A parser builds of the two what it builds of each: the proof of one body holds where it stands in another."""
    made = contained(around.format(PLACE), "light").html.decode()
    html = made.replace(PLACE, PLACE.replace("></", f">{CHILDREN[inner]}</"))
    assert survives(html, "light") == html


@pytest.mark.parametrize("inner", CHILDREN)
def test_what_stands_beside_a_shadow_root_changes_nothing_around_it(inner: str) -> None:
    """The element of the slot inside follows the root of the slot around it."""
    html = f"<p>1</p><fragment-end></fragment-end></template>{CHILDREN[inner]}<template>"
    assert survives(html, "shadow") == html


FORGED = (
    "<!--{}-->",
    "<!--[if x]>{}<![endif]-->",
    "<p title='{}'>in</p>",
    "<textarea>{}</textarea>",
    "<script type='application/json'>{}</script>",
    "<script type='application/ld+json'>\"{}\"</script>",
    "<svg><![CDATA[{}]]></svg>",
    "<xmp>{}</xmp>",
    "<iframe>{}</iframe>",
    "<style>{}</style>",
    "<video>{}</video>",
    "<datalist>{}</datalist>",
    "<div><template shadowrootmode='open'>{}</template></div>",
)


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize("forged", FORGED)
def test_what_only_reads_like_a_place_is_none(forged: str, isolation: Isolation) -> None:
    """In words, data, comments or a root of the body's own nobody sees what is put there: it stands elsewhere."""
    made = contained(f"{forged.format(PLACE)}<p>in</p>", isolation)
    assert PLACE not in made.html.decode()
    assert unplaced(made.html, ["cart"])
    beside = contained(f"{forged.format(PLACE)}<div>{PLACE}</div>", isolation).html.decode()
    assert beside.count(PLACE) == 1
    assert f"<div>{PLACE}</div>" in beside
