"""Names that a stylesheet declares for the whole document: lifted out of a shadow root, and each
held by one fragment.
"""

import pytest

from shell.composition.release import Trust
from shell.registry import models
from shell.registry.document_names import DocumentNames, conflict, document_names, lifted_rules, shell_names
from shell.registry.origins import Origins
from shell.registry.publish import Published, PublishRefused, publish
from shell.registry.snapshot_poller import SnapshotPoller
from tests.support.podium.rig import Podium

FONT = '@font-face { font-family: "Poll Sans"; src: url(fonts/a.woff2) }'


def test_names_are_found_wherever_they_stand() -> None:
    """Font families quoted or not, in groups, used or declared; properties used or registered."""
    names = document_names(
        b"@font-face{font-family:Open Sans;src:url(a.woff2)} @media print{@font-face{font-family:'B';src:url(b.woff2)}}"
        b"@property --turn{syntax:'*';inherits:false} a{font:1em 'C',serif;--d:1px; & b{font-family: Open Sans, E F}}"
    )
    assert names.declared == {"open sans", "b", "--turn"}
    assert names.used >= {"c", "--d", "open sans", "e f", "serif"}


def test_property_that_is_filled_in_counts_as_used() -> None:
    """If another fragment registered it, it would have a value where its author relies on a default."""
    css = b"a{margin:calc(1px + (2 * var( --gap, var(--room, 1px))));--x:{a:var(--y)} width:env(--not)}"
    assert document_names(css).used >= {"--gap", "--room", "--x", "--y"}
    assert "--not" not in document_names(css).used


def test_only_what_means_the_document_is_lifted() -> None:
    """Rules with selectors, imports and broken rules are not lifted."""
    css = b"@import 'x.css'; a{color:red} @layer l{@property --x{syntax:'*';inherits:true}} @font-face{a:b} html{}} b{}"
    assert lifted_rules(css).split(b"\n") == [b"@font-face{a:b}", b'@property --x{syntax:"*";inherits:true}', b""]


def test_shell_holds_the_names_of_its_own_look() -> None:
    """The fonts and properties of all of its stylesheets."""
    assert shell_names().used >= {"--m-control", "segoe ui", "arial", "--height"}


def test_name_of_the_shell_or_of_another_may_not_be_declared() -> None:
    """A name is taken by the shell's prefix, or by another fragment's declaration or use; a fragment's own names, and
    names that it only uses, are accepted.
    """
    others = [("poll", DocumentNames(frozenset({"poll sans"}), frozenset({"plain", "--gap"})))]
    for name, why in (
        ("--m-anything", "is a name of the shell's"),
        ("poll sans", "'poll sans' is a name that poll declares"),
        ("--gap", "'--gap' is a name that poll uses"),
    ):
        assert why in conflict(DocumentNames(frozenset({name})), others)
    assert conflict(DocumentNames(frozenset({"mine"}), frozenset({"plain", "--m-text"})), others) == ""


async def published(podium: Podium, name: str, style: str, isolation: str = "shadow") -> Published:
    files = {
        "/main.css": {"headers": {"content-type": "text/css"}, "body": style},
        "/fonts/a.woff2": {"headers": {"content-type": "font/woff2"}, "body": "wOF2"},
    }
    extend = {"mullion": {"isolation": isolation}}
    [started] = podium.start({"name": name, "css": [{"value": "/main.css"}], "files": files, "extend": extend})
    origins = Origins([], loopback=True)
    try:
        return await publish(started.manifest_url, origins=origins, actor="t", move=True, trust=Trust.FIRST_PARTY)
    finally:
        podium.stop(started)


@pytest.mark.django_db(transaction=True)
async def test_font_of_a_shadow_root_is_lifted_to_the_page(podium: Podium) -> None:
    """Its file lies beside the stylesheet, so that the relative address stays valid."""
    await published(podium, "poll", FONT + " p { color: red }")
    poller = SnapshotPoller()
    await poller.refresh()
    release = poller.current.releases["poll"]
    [key] = release.lifted
    lifted = await poller.file("poll", release.folder, key)
    assert lifted is not None
    assert lifted.body.plain.decode().strip() == FONT
    assert await poller.file("poll", release.folder, "fonts/a.woff2") is not None
    await published(podium, "poll", FONT, "light")
    await poller.refresh()
    assert poller.current.releases["poll"].lifted == ()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("style", "why"),
    [
        (FONT, "'poll sans' is a name that poll declares"),
        ("@font-face { font-family: Plain; src: url(fonts/a.woff2) }", "'plain' is a name that poll uses"),
        ("@property --poll-turn { syntax: '*'; inherits: true }", "'--poll-turn' is a name that poll declares"),
        ("@property --m-anything { syntax: '*'; inherits: true }", "--m-anything is a name of the shell's"),
        ("@font-face { font-family: 'Segoe UI'; src: url(fonts/a.woff2) }", "'segoe ui' is a name that the shell uses"),
    ],
)
async def test_name_held_by_another_is_refused_with_its_holder(podium: Podium, style: str, why: str) -> None:
    """The message has the holder, and nothing is changed; a fragment may declare its own names again."""
    own = FONT + "@property --poll-turn { syntax: '*'; inherits: true } p { font-family: Plain }"
    await published(podium, "poll", own)
    with pytest.raises(PublishRefused, match=why):
        await published(podium, "offers", style)
    assert await models.LiveRelease.objects.acount() == 1
    await published(podium, "poll", own)


@pytest.mark.django_db(transaction=True)
async def test_use_of_a_name_that_another_has_declared_is_noted(podium: Podium) -> None:
    """A registered property has a value where the fragment that uses it relies on a default."""
    await published(podium, "poll", "@property --gap { syntax: '<length>'; inherits: true; initial-value: 900px }")
    done = await published(podium, "offers", "p { margin: var(--gap, 8px); color: var(--m-text) }")
    assert [note for note in done.notes if "--" in note] == [
        "css: '--gap' is a name that poll declares for the whole page, so yours may mean what theirs does; give yours "
        "a name of its own"
    ]
