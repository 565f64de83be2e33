"""The sentinel stands for the shell's real page: a body that can not break the one can not break the other."""

import random
from functools import cache

import msgspec
import pytest
import turbohtml
from turbohtml import Element

from bff.contracts.manifest import parse
from bff.resilience.outcome import State
from shell.composition.compiler import Compiled, Compiler
from shell.composition.contain import Contained, Container, LinkPolicy
from shell.composition.contain.links import Isolation
from shell.composition.contain.sentinel import page as sentinel_page
from shell.composition.include import Include
from shell.composition.ladder import Included
from shell.composition.page import Page, Slot, Visit
from shell.composition.release import Release, Snapshot, Trust
from shell.composition.wrap import Wrapper
from tests.corpus.hostile.bodies import written

pytestmark = pytest.mark.quick

SLOTS = tuple(Slot(name, name) for name in ("wallet", "tables", "promotions"))
PAGE = Page("lobby", "/", "lobby.html", SLOTS)
VISIT = Visit(PAGE, {}, language="en", locale="en-GB", currency="EUR", origin="http://localhost")
ISOLATIONS: tuple[Isolation, Isolation] = ("shadow", "light")
BENIGN = b"<p>in</p>"


@cache
def frame() -> tuple[str, str]:
    """The lobby's head and tail as the shell sends them."""
    compiled = Compiler().compiled(PAGE, language="en", signed_in=False, snapshot=Snapshot())
    late = {"player_name": "", "path": "/", "language": "en", "key": "lobby"}
    head, tail = (Compiled.fill(part, late).decode() for part in (compiled.head, compiled.tail))
    return head, tail


@cache
def release(isolation: Isolation) -> Release:
    manifest = {"name": "tables", "version": "1", "mullion": {"isolation": isolation}}
    described = parse(msgspec.json.encode(manifest))
    return Release(
        "tables", "1", described, "http://localhost/manifest.json", b"", css=("a" * 64,), js=(), trust=Trust.FIRST_PARTY
    )


def real_page(body: bytes, isolation: Isolation) -> str:
    """The lobby with `body` in its second slot and a plain fragment on either side."""
    wrapper = Wrapper(random.Random(7))
    bodies = (BENIGN, body, BENIGN)
    included = [Included(slot, State.FRESH, html, release(isolation)) for slot, html in zip(SLOTS, bodies, strict=True)]
    head, tail = frame()
    return head + "".join(wrapper.wrap(one, Include(one.slot, VISIT, one.release)).decode() for one in included) + tail


def written_out(page: str, *, scripting: bool) -> str:
    document = turbohtml.parse(page, positions=False, scripting=scripting, allow_declarative_shadow_roots=False)
    return document.serialize()


@pytest.mark.parametrize("scripting", [False, True])
@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_contained_bodies_leave_the_real_page_as_it_is(isolation: Isolation, scripting: bool) -> None:
    """In the lobby itself, everything around a contained hostile body comes out as around a plain one."""
    around = written_out(real_page(b"<i>HERE</i>", isolation), scripting=scripting).split("<i>HERE</i>")
    assert len(around) == 2
    for body in written():
        contained = Container().contain(
            body.html.encode(), "text/html", prefix="/slots/lobby/tables", isolation=isolation, links=LinkPolicy()
        )
        if isinstance(contained, Contained) and contained.html:  # the shell draws its own card over an empty one
            out = written_out(real_page(contained.html, isolation), scripting=scripting)
            assert out == contained.html.decode().join(around), body.name


def shape(page: str) -> list[list[str]]:
    """Where the slots of a page are, and their first and last content."""
    document = turbohtml.parse(page, positions=False, allow_declarative_shadow_roots=False)
    found = []
    for slot in document.find_all("fragment-slot"):
        above = [node.tag for node in slot.ancestors if isinstance(node, Element)]
        inner = next(iter(slot)) if slot.find("template") else slot
        root = next(iter(inner)) if inner is not slot else slot
        held = [node.tag for node in root if isinstance(node, Element)]
        found.append([*above, "shadow" if root is not slot else "light", held[0], held[-1]])
    return found


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_sentinel_has_the_real_pages_shape(isolation: Isolation) -> None:
    """A slot stands in the sentinel exactly where and how the shell writes it."""
    real = shape(real_page(BENIGN, isolation))
    assert len(real) == 3
    assert shape(sentinel_page(BENIGN.decode(), isolation))[1] == real[1]
