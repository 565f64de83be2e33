"""Manifests that Podium's schema accepts are accepted here with the same effect, or refused by their field."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bff.contracts.manifest import ManifestRefused, parse
from shell.composition.release import Release, Trust
from shell.registry.origins import Origins
from shell.registry.publish import Published, publish
from shell.registry.release_folder import PublishRefused
from shell.registry.snapshot_poller import SnapshotPoller
from tests.support.podium.rig import HERE, Podium, Variant
from tests.support.podium.table import BOOK

pytestmark = pytest.mark.django_db(transaction=True)
LOOPBACK = Origins([], loopback=True)

# What Podium takes and a page of ours can not, each with where it is refused and why. The book lists the same.
REFUSED = {
    "a name of a proxy that is no segment of a path": r"matching regex .* `[$]\.proxy",
    "an unknown strategy or scope": r"Invalid enum value .*\.(strategy|scope)`",
    "a text longer than its limit": r"length <= \d+ - at",
    "a control character": r"control character",
}

words = st.text("ab/.-_?#%20é", min_size=1, max_size=8)
uris = st.one_of(
    words, words.map(lambda path: f"https://x.test/{path}"), st.sampled_from(["/main.css", "./a", "a" * 3000])
)
short = st.one_of(
    st.sampled_from(["", "print", "x" * 300, "module", "esm", "default", "text/css"]), st.text(max_size=5)
)
assets = st.fixed_dictionaries(
    {"value": uris},
    optional={
        **dict.fromkeys(("type", "crossorigin", "media", "title", "hreflang", "rel", "as", "integrity"), short),
        **dict.fromkeys(("disabled", "nomodule", "async", "defer"), st.booleans()),
        "strategy": st.sampled_from(["lazy", "beforeInteractive", "afterInteractive", "shadow-dom", "lazy2", "x"]),
        "scope": st.sampled_from(["content", "fallback", "all", "fallbacks", "nobody"]),
        "fetchpriority": st.sampled_from(["high", "low", "auto", "slow"]),
        "data": st.lists(st.fixed_dictionaries({"key": st.text(max_size=3), "value": st.text(max_size=3)}), max_size=2),
        "prefix": st.booleans(),
    },
)
proxies = st.one_of(
    st.dictionaries(st.one_of(st.from_regex(r"[a-z-]{1,8}", fullmatch=True), st.text(max_size=4)), uris, max_size=5),
    st.lists(st.fixed_dictionaries({"name": st.text("ab-/", max_size=5), "target": uris}), max_size=5),
)
manifests = st.fixed_dictionaries(
    {
        "name": st.from_regex(r"[a-zA-Z0-9_-]{1,101}", fullmatch=True),
        "version": st.text(max_size=140),
        "content": uris,
    },
    optional={
        "fallback": st.one_of(st.just(""), uris),
        "css": st.lists(assets, max_size=3),
        "js": st.lists(assets, max_size=3),
        "proxy": proxies,
        "team": st.text(max_size=4),
        "unknown": st.integers(),
    },
)


MANY = given(st.lists(manifests, min_size=25, max_size=25))


@settings(deadline=None, max_examples=8, phases=[Phase.explicit, Phase.generate])
@MANY
def test_what_podiums_schema_takes_is_taken_or_refused_for_a_listed_reason(
    podium: Podium, cases: list[dict[str, Any]]
) -> None:
    """No manifest that a layout reads is refused for another reason, and every value means the same."""
    compare(podium, cases)


@pytest.mark.full
@settings(deadline=None, max_examples=80, phases=[Phase.explicit, Phase.generate])
@MANY
def test_what_podiums_schema_takes_is_taken_by_the_thousand(podium: Podium, cases: list[dict[str, Any]]) -> None:
    """The same property over thousands of examples."""
    compare(podium, cases)


def compare(podium: Podium, cases: list[dict[str, Any]]) -> None:
    for manifest, there in zip(cases, podium.validate(*cases), strict=True):
        if "errors" in there:
            continue
        try:
            here = parse(json.dumps(manifest).encode())
        except ManifestRefused as refusal:
            if not any(re.search(why, str(refusal)) for why in REFUSED.values()):
                pytest.fail(f"{refusal}: {manifest}")
            continue
        value = there["value"]
        assert (here.name, here.version, here.fallback) == (value["name"], value["version"], value["fallback"])
        assert [asset.value for asset in here.css] == [asset["value"] for asset in value["css"]]
        wanted = value["proxy"]
        listed = wanted if isinstance(wanted, dict) else {each["name"]: each["target"] for each in wanted}
        assert here.proxies == listed


def files(**bodies: str) -> dict[str, Any]:
    types = {"css": "text/css", "js": "text/javascript"}
    return {
        f"/{name.replace('_', '.')}": {"headers": {"content-type": types[name.rpartition("_")[2]]}, "body": body}
        for name, body in bodies.items()
    }


async def published(podium: Podium, variant: Variant) -> tuple[Release, Published]:
    [started] = podium.start({"name": "listed", "fallback": "/fallback", **variant})
    done = await publish(started.manifest_url, origins=LOOPBACK, actor="tests", trust=Trust.FIRST_PARTY)
    poller = SnapshotPoller()
    await poller.refresh()
    return poller.current.releases["listed"], done


def digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


async def test_assets_are_used_when_and_where_the_manifest_says(podium: Podium) -> None:
    """`media` is on the link; `scope` decides whether it goes with content or fallback."""
    css = [
        {"value": "/all.css"},
        {"value": "/print.css", "media": "print"},
        {"value": "/content.css", "scope": "content"},
        {"value": "/fallback.css", "scope": "fallback"},
    ]
    js = [{"value": "/content.js", "scope": "content", "type": "esm"}, {"value": "/all.js", "strategy": "lazy"}]
    js += [{"value": "/outage.js", "scope": "fallback", "type": "module"}, {"value": "/classic.js"}]
    bodies = files(all_css="a{}", print_css="b{}", content_css="c{}", fallback_css="d{}", content_js="1", all_js="2")
    bodies |= files(outage_js="3", classic_js="4")
    shadow = {"mullion": {"isolation": "shadow"}}
    release, done = await published(podium, {"css": css, "js": js, "files": bodies, "extend": shadow})
    assert release.styles("content") == ("all.css", "print.css", "content.css")
    assert release.styles("fallback") == ("all.css", "print.css", "fallback.css")
    assert release.files["print.css"] == digest("b{}")
    assert [release.use(each).media for each in release.styles("content")] == ["", "print", ""]
    assert release.scripts("content", classic=False) == ("content.js", "all.js")
    assert release.scripts("content", classic=True) == ("classic.js",)
    assert release.scripts("fallback", classic=False) == ("outage.js",)
    assert release.scripts("fallback", classic=True) == ()
    assert done.notes == ()


async def test_asset_that_no_browser_would_use_is_left_out_with_a_note(podium: Podium) -> None:
    """As in a layout, where such an element has no effect; publishing notes it."""
    css = [
        {"value": "/off.css", "disabled": True},
        {"value": "/early.css", "rel": "preload", "as": "style"},
        {"value": "/other.css", "rel": "alternate stylesheet", "title": "x"},
        {"value": "/less.css", "type": "text/less"},
    ]
    release, done = await published(podium, {"css": css, "js": [{"value": "/old.js", "nomodule": True}]})
    assert (release.css, release.js) == ((), ())
    assert [note.split(",")[0] for note in done.notes] == [
        "css[0]: no page uses /off.css",
        "css[1]: no page uses /early.css",
        "css[2]: no page uses /other.css",
        "css[3]: no page uses /less.css",
        "js[0]: no page uses /old.js",
    ]


@pytest.mark.parametrize("fits", [True, False])
async def test_file_that_its_integrity_does_not_name_is_not_published(podium: Podium, fits: bool) -> None:
    """A browser would refuse to run it."""
    named = base64.b64encode(hashlib.sha384(b"1" if fits else b"2").digest()).decode()
    variant = {"js": [{"value": "/a.js", "integrity": f"sha256-wrong sha384-{named}"}], "files": files(a_js="1")}
    if fits:
        release, _ = await published(podium, variant)
        assert (release.js, release.files["a.js"]) == (("a.js",), digest("1"))
    else:
        with pytest.raises(PublishRefused, match=r"js\[0\]: the file's sha384 is .* its integrity does not name"):
            await published(podium, variant)


async def test_file_that_is_listed_twice_is_used_wherever_either_says(podium: Podium) -> None:
    """It is copied once and linked once."""
    css = [
        {"value": "/a.css", "media": "print", "scope": "content"},
        {"value": "/a.css", "media": "tv", "scope": "fallback"},
    ]
    release, _ = await published(podium, {"css": css, "files": files(a_css="")})
    [one] = release.css
    assert (release.use(one).media, release.use(one).scope) == ("print, tv", "all")


SITE = {"key": "site", "value": "a"}


async def test_data_of_a_podlets_assets_is_stored_with_the_release(podium: Podium) -> None:
    """The podlet's own package writes it into the manifest; a file that is listed twice has the data of both."""
    js = [{"value": "/a.js", "data": {"site": "a"}}, {"value": "/b.js", "type": "module", "data": [SITE]}]
    css = [{"value": "/a.css", "data": [SITE]}, {"value": "/a.css", "data": [{"key": "more", "value": "b"}]}]
    variant = {"js": js, "extend": {"css": css}, "files": files(a_js="1", b_js="2", a_css="p{}")}
    release, done = await published(podium, variant)
    assert [release.use(key).data for key in release.js] == [(("data-site", "a"),)] * 2
    assert dict(release.use("a.css").data) == {"data-site": "a", "data-more": "b"}
    assert done.notes == ()


def test_book_names_every_field_of_podiums_schema(podium: Podium) -> None:
    """A new field in Podium's schema makes this fail until the book documents it."""
    schema = json.loads((HERE / "node_modules" / "@podium/schemas/schema/manifest.schema.json").read_text("utf-8"))
    fields = schema["properties"].keys() | {
        field for kind in ("css", "js") for field in schema["properties"][kind]["items"]["properties"]
    }
    section = BOOK.read_text("utf-8").partition("## The manifest")[2].partition("<!-- podium -->")[0]
    assert {field for field in fields if not re.search(rf'[`"]{field}[`"]', section)} == set()


async def test_long_name_and_many_assets_are_published(podium: Podium) -> None:
    """A name of a hundred characters, as Podium allows, and sixty files."""
    css = [{"value": f"/n{number}.css"} for number in range(60)]
    bodies = files(**{f"n{number}_css": f"i{number}{{}}" for number in range(60)})
    [started] = podium.start({"name": "n" * 100, "css": css, "files": bodies})
    done = await publish(started.manifest_url, origins=LOOPBACK, actor="tests")
    assert done.fragment == "n" * 100
