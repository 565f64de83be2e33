"""A fragment's own pictures, by its own names: those that were copied are shown, and no others."""

import pytest

from shell.composition.contain import Contained, LinkPolicy, contain
from shell.composition.contain.pictures import NO_FILES, CopiedFiles, candidates

pytestmark = pytest.mark.quick
OWN = CopiedFiles(
    "http://podlet.test:8080/shop/", "/assets/podlet/f0/", frozenset({"shop/a.png", "b c.png", "d.png?v=1"})
)


def shown(html: str, pictures: CopiedFiles = OWN, origins: frozenset[str] = frozenset()) -> tuple[str, tuple[str, ...]]:
    links = LinkPolicy(pictures=pictures, picture_origins=origins)
    found = contain(html.encode(), "text/html", prefix="/slots/lobby/shop", isolation="shadow", links=links)
    assert isinstance(found, Contained), found
    return found.html.decode(), found.notes


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("a.png", "/assets/podlet/f0/shop/a.png"),
        ("./a.png", "/assets/podlet/f0/shop/a.png"),
        ("/shop/a.png", "/assets/podlet/f0/shop/a.png"),
        ("http://podlet.test:8080/shop/a.png", "/assets/podlet/f0/shop/a.png"),
        ("//podlet.test:8080/shop/a.png", "/assets/podlet/f0/shop/a.png"),
        ("../b%20c.png", "/assets/podlet/f0/b%20c.png"),
        ("../../../d.png?v=1", "/assets/podlet/f0/d.png?v=1"),
        ("../d.png", None),
        ("gone.png", None),
        ("http://podlet.test/shop/a.png", None),
        ("https://evil.test/shop/a.png", None),
        ("%2e%2e/shop/a.png", None),
        (r"..\shop\a.png", None),
        ("http://[x/a.png", None),
        ("a.png\x0b", None),
        ("", None),
        ("x" * 3000, None),
    ],
)
def test_picture_is_found_by_the_name_that_the_fragment_gives_it(written: str, address: str | None) -> None:
    """Relative to its content, at its origin, escaped or not; what was not copied has no address."""
    assert OWN.address(written) == address
    assert NO_FILES.address(written) is None


def test_pictures_of_a_body_are_written_anew() -> None:
    """In every place that shows one, and twice is once."""
    html = '<img src="a.png" alt=""><video poster="a.png"></video><input type="image" src="a.png" alt="Go">'
    out, notes = shown(html)
    assert out.count('"/assets/podlet/f0/shop/a.png"') == 3
    assert notes == ()
    assert shown(out) == (out, ())


def test_picture_that_was_not_copied_is_taken_out_and_said() -> None:
    """It would be asked of the shell's own origin, under a name that means something else there."""
    assert shown('<img src="gone.png" alt="x">') == ('<img alt="x">', ("removed src of <img>",))


def test_set_of_pictures_keeps_those_that_are_there() -> None:
    """Each with its width or density; addresses may hold commas."""
    out, notes = shown('<img srcset="a.png 1x, gone.png 2x, /shop/a.png 3x" alt="">')
    assert 'srcset="/assets/podlet/f0/shop/a.png 1x, /assets/podlet/f0/shop/a.png 3x"' in out
    assert notes == ("removed a picture of srcset of <img>",)
    assert candidates("a,b.png 1x,c.png") == [("a,b.png", "1x"), ("c.png", "")]
    assert candidates("a.png 1x 2x") is None


def test_foreign_picture_needs_its_origin() -> None:
    """The very origin: not a longer name, not another scheme."""
    origins = frozenset({"https://cdn.test"})
    assert shown('<img src="https://cdn.test/a.png" alt="">', origins=origins)[1] == ()
    for url in (
        "https://cdn.test.evil.test/a.png",
        "http://cdn.test/a.png",
        "//cdn.test/a.png",
        "https://x@cdn.test/a",
    ):
        assert shown(f'<img src="{url}" alt="">', origins=origins) == ('<img alt="">', ("removed src of <img>",)), url
