"""Where a fragment's HTML may point, by kind of target."""

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shell.composition.contain import LinkPolicy
from shell.composition.contain.htmx import CHECKS
from shell.composition.contain.links import Isolation, Reach
from shell.composition.contain.values import measure, pictures

pytestmark = pytest.mark.quick

PREFIX = "/slots/table:rl-7/table"
HELP = "https://help.example"
POLICY = LinkPolicy(
    origins=frozenset({HELP, "http://localhost:8012"}),
    media_origins=frozenset({"https://video.example"}),
    frame_origins=frozenset({"https://games.example"}),
)
REACH = Reach(PREFIX, "shadow", POLICY)


@pytest.mark.parametrize("rest", ["", "/", "?a=b", "#x", "/actions/deposit", "/a/b.c?d=/e#f", "/a%20b", "/ü"])
def test_own_prefix_reaches(rest: str) -> None:
    """The slot's prefix and what lies below it are its own."""
    assert REACH.own(PREFIX + rest)
    assert REACH.link(PREFIX + rest)
    assert REACH.picture(PREFIX + rest)
    assert REACH.media(PREFIX + rest)


@pytest.mark.parametrize(
    "url",
    [
        PREFIX + "s",
        PREFIX + "/../wallet",
        PREFIX + "/..",
        PREFIX + "/%2e%2e/wallet",
        PREFIX + "/%2E./wallet",
        PREFIX + "/.%2e/wallet",
        PREFIX + "/x/./y",
        PREFIX + "\\..\\wallet",
        PREFIX + "/a\nb",
        "/slots/table:rl-7/../table:rl-7/table",
        "/slots/table%3Arl-7/table",
        "//host" + PREFIX,
        "https://evil.example" + PREFIX,
        "http:" + PREFIX,
        PREFIX.lstrip("/"),
        PREFIX + "/" + "a" * 2048,
        "",
        "javascript:ran()//" + PREFIX,
    ],
)
def test_what_looks_like_the_prefix_is_not_the_prefix(url: str) -> None:
    """Longer names, climbing paths, other spellings and other origins are somebody else's."""
    assert not REACH.own(url)


@given(st.text(alphabet="/.%2eE\\abc:?#@ \t", max_size=12))
def test_own_never_leaves_the_prefix(rest: str) -> None:
    """Whatever follows the prefix, a browser that resolves it stays below the prefix."""
    url = PREFIX + rest
    if REACH.own(url):
        seen = url.strip().replace("\t", "").replace("\\", "/")
        path = unquote(urlsplit(urljoin("http://shell.example/page/", seen)).path)
        assert path == PREFIX or path.startswith(PREFIX + "/")
        assert "/../" not in path + "/"


@pytest.mark.parametrize(
    "url",
    [
        HELP,
        HELP + "/a",
        HELP.upper() + "/",
        HELP + "?a",
        "http://localhost:8012/x",
        " " + HELP + "/",
        "MAILTO:a@b.example",
    ],
)
def test_declared_origins_may_be_linked(url: str) -> None:
    """Scheme, host and port must be as declared; case and outer spaces do not matter."""
    assert REACH.link(url)


@pytest.mark.parametrize(
    "url",
    ["http://help.example/", HELP + ":8443/", HELP + ".evil.example/", HELP + "@evil.example/", "https:/help.example/",
     "https:\\\\help.example/", HELP + "\\@evil.example/", "ftp://help.example/", "blob:" + HELP, "wss://help.example/"],
)  # fmt: skip
def test_other_origins_may_not_be_linked(url: str) -> None:
    """Nothing that is only like a declared origin passes."""
    assert not REACH.link(url)


@pytest.mark.parametrize("url", ["/slots", "/slots/", "/slots/lobby/wallet", "/%73lots/lobby", "/slots%2Flobby/wallet"])
def test_other_slots_may_not_be_linked(url: str) -> None:
    """A link can not act in another fragment's name."""
    assert not REACH.link(url)


def test_closed_paths_are_the_policys() -> None:
    """An operator may close more of the shell."""
    reach = Reach(PREFIX, "shadow", LinkPolicy(paths_closed=("/slots", "/staff")))
    assert not reach.link("/staff")
    assert not reach.link("/staff/x")
    assert reach.link("/staffing/")


def test_media_and_frames_need_their_own_origins() -> None:
    """An origin that may be linked may not be played or framed for that."""
    assert REACH.media("https://video.example/a.m3u8")
    assert not REACH.media(HELP + "/a")
    assert REACH.frame("https://games.example/x?y=z")
    assert not REACH.frame(HELP + "/x")
    assert not REACH.frame("/sign-in/")
    assert not REACH.link("https://video.example/")


@pytest.mark.parametrize(
    ("value", "stays"),
    [("/assets/a 1x, /assets/b 2x", True), ("/assets/a", True), ("/assets/a 1x, //evil.example/ 2x", False),
     ("https://evil.example/ 1x", False), ("", False), ("/assets/a 1x 2x", False), (",,,", False)],
)  # fmt: skip
def test_every_image_candidate_counts(value: str, stays: bool) -> None:
    """One foreign candidate takes the whole set away."""
    assert pictures(value, REACH) is stays


@pytest.mark.parametrize(
    ("value", "stays"), [("320", True), ("100%", True), ("4001", False), ("1e9", False), ("", False), ("-1", False)]
)
def test_sizes_are_bearable(value: str, stays: bool) -> None:
    """A body can not push the rest of the page out of reach."""
    assert measure(value, REACH) is stays


@pytest.mark.parametrize("isolation", ["shadow", "light"])
@pytest.mark.parametrize(
    "value", ["body", "document", "global #x", "closest fragment-slot", "window", "#x, body", "html"]
)
def test_htmx_never_targets_the_page(value: str, isolation: Isolation) -> None:
    """Nothing outside the slot can be swapped, included or disabled."""
    reach = Reach(PREFIX, isolation, POLICY)
    for name in ("hx-target", "hx-include", "hx-indicator", "hx-disabled-elt", "data-hx-target"):
        assert not CHECKS[name](value, reach)


def test_htmx_targets_by_selector_only_in_a_shadow_root() -> None:
    """In the page's own tree a selector could find somebody else's element."""
    light = Reach(PREFIX, "light", POLICY)
    for value in ("#x", "next .y", "find p"):
        assert CHECKS["hx-target"](value, REACH)
        assert not CHECKS["hx-target"](value, light)
    assert CHECKS["hx-target"]("this", light)


@pytest.mark.parametrize(
    "name", ["hx-on", "hx-on:click", "hx-swap-oob", "hx-boost", "hx-ext", "hx-headers", "hx-push-url"]
)
def test_htmx_that_reaches_beyond_is_not_known(name: str) -> None:
    """What is not listed does not pass, under either of its names."""
    assert name not in CHECKS
    assert f"data-{name}" not in CHECKS
