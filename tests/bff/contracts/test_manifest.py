"""Manifests: which are accepted, and the message for each refusal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts.manifest import MANIFEST_BYTES_MAX, ManifestRefused, check_extension, parse
from bff.contracts.podium_url import resolve

pytestmark = pytest.mark.quick

PODLET = {
    "name": "wallet",
    "version": "1.2.3",
    "content": "/",
    "fallback": "/fallback",
    "css": [],
    "js": [],
    "proxy": {},
}


def refusal(**fields: Any) -> str:
    with pytest.raises(ManifestRefused) as caught:
        parse(json.dumps({**PODLET, **fields}).encode())
    return str(caught.value)


def test_an_unmodified_podlet_is_a_fragment() -> None:
    """Podium's fields alone are enough; ours have defaults that trust nobody too far."""
    manifest = parse(json.dumps(PODLET).encode())
    ours = manifest.mullion
    assert (manifest.name, manifest.version, ours.audience, ours.isolation) == ("wallet", "1.2.3", "player", "light")
    assert (ours.deadline_ms, ours.stale_s_max, ours.body_bytes_max, ours.primary) == (800, 0, 262_144, False)


def test_what_is_not_known_is_left_alone() -> None:
    """A later Podium, or a later contract of ours, may say more than is read."""
    more = {**PODLET, "team": "x", "mullion": {"contract": 2, "later": [1]}, "css": [{"value": "/a.css", "rel": "x"}]}
    manifest = parse(json.dumps(more).encode())
    assert manifest.mullion.contract == 2
    assert [asset.value for asset in manifest.css] == ["/a.css"]


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"name": 7}, "$.name"),
        ({"name": "a b"}, "$.name"),
        ({"name": "wallet\n"}, "$.name"),
        ({"name": "x" * 101}, "$.name"),
        ({"version": ""}, "$.version"),
        ({"content": ""}, "$.content"),
        ({"css": "style.css"}, "$.css"),
        ({"css": [{"type": "text/css"}]}, "$.css[0]"),
        ({"css": [{"value": "/a"}] * 65}, "$.css"),
        ({"css": [{"value": "/a", "scope": "everywhere"}]}, "$.css[0].scope"),
        ({"js": [{"value": "/a", "strategy": "lazyly"}]}, "$.js[0].strategy"),
        ({"js": [{"value": "/a", "nomodule": "yes"}]}, "$.js[0].nomodule"),
        ({"proxy": [{"name": "a"}]}, "$.proxy[0]"),
        ({"proxy": [{"name": "a", "target": "/"}] * 5}, "$.proxy"),
        ({"proxy": {str(number): "/" for number in range(5)}}, "$.proxy"),
        ({"proxy": {"a/b": "/"}}, "$.proxy"),
        ({"mullion": {"deadline_ms": 0}}, "$.mullion.deadline_ms"),
        ({"mullion": {"deadline_ms": 60_000}}, "$.mullion.deadline_ms"),
        ({"mullion": {"audience": "everybody"}}, "$.mullion.audience"),
        ({"mullion": {"player_paths": ["slip"]}}, "$.mullion.player_paths[0]"),
        ({"mullion": {"player_paths": ["/slip/one"]}}, "$.mullion.player_paths[0]"),
        ({"mullion": {"stale_s_max": -1}}, "$.mullion.stale_s_max"),
        ({"mullion": {"body_bytes_max": 10_000_000}}, "$.mullion.body_bytes_max"),
        ({"mullion": {"topics": ["x" * 129]}}, "$.mullion.topics[0]"),
        ({"mullion": None}, "$.mullion"),
    ],
)
def test_a_manifest_is_refused_by_its_field(fields: dict[str, Any], path: str) -> None:
    """The refusal names the field that is wrong, so that its team can mend it."""
    assert path in refusal(**fields)


@pytest.mark.parametrize(
    ("pathname", "audience"),
    [
        ("/grid", "shared"),
        ("/", "shared"),
        ("/slips", "shared"),
        ("/table/slip", "shared"),
        ("/slip", "player"),
        ("/slip/7", "player"),
        ("slip/7", "player"),
        ("//slip/7", "player"),
    ],
)
def test_players_paths_are_never_shared(pathname: str, audience: str) -> None:
    """The first segment decides; all the rest of a shared fragment stays shared."""
    mullion = {"audience": "shared", "player_paths": ["/slip", "/bets"]}
    assert parse(json.dumps({**PODLET, "mullion": mullion}).encode()).mullion.audience_of(pathname) == audience


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "not JSON"),
        (b'{"name": ', "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b'{"name":"a","version":"\xff"}', "not JSON"),
        (b"<html>", "not JSON"),
        (b"[]", "Expected `object`"),
        (b"{}", "`name`"),
        (b'{"name":"a","version":"1","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested too deeply"),
        (b" " * (MANIFEST_BYTES_MAX + 1), "65537 bytes"),
    ],
    ids=["empty", "cut", "utf-16", "bad-utf-8", "html", "list", "nothing", "deep", "large"],
)
def test_what_is_no_manifest_is_refused_in_a_sentence(body: bytes, says: str) -> None:
    """Whatever an origin sends, the answer is a manifest or a reason."""
    with pytest.raises(ManifestRefused, match=says):
        parse(body)


@given(st.binary(max_size=300) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: json.dumps(x).encode()))
def test_no_body_breaks_the_reader(body: bytes) -> None:
    """None of these is a manifest, and nothing but a refusal is raised."""
    with pytest.raises(ManifestRefused):
        parse(body)


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("/", "http://origin/wallet"),
        ("content", "http://origin/wallet/content"),
        ("/assets/a.css", "http://origin/wallet/assets/a.css"),
        ("//elsewhere/a.css", "http://origin/wallet/elsewhere/a.css"),
        ("https://cdn.test/a.css", "https://cdn.test/a.css"),
        ("javascript:alert(1)", "http://origin/wallet/javascript:alert(1)"),
    ],
)
def test_urls_resolve_by_podiums_rule(value: str, url: str) -> None:
    """What starts with `http` stands; everything else lies below the manifest's directory, and can not leave it."""
    assert resolve("http://origin/wallet/manifest.json", value) == url


def test_proxies_may_be_a_map_or_a_list() -> None:
    """As Podium 5 and Podium 6 write them."""
    listed = [{"name": "api", "target": "/api"}, {"name": "old", "target": "/"}]
    for proxy in (listed, {each["name"]: each["target"] for each in listed}):
        assert parse(json.dumps({**PODLET, "proxy": proxy}).encode()).proxies == {"api": "/api", "old": "/"}


@pytest.mark.parametrize(
    ("extension", "hint"),
    [
        ({"isolaton": "shadow"}, "mullion.isolaton: there is no such key; did you mean 'isolation'?"),
        ({"Deadline_ms": 5}, "did you mean 'deadline_ms'?"),
        ({"zzz": 1}, "it takes contract, owner"),
        ({"trust": "first-party"}, "that is for operators to set"),
        ({"follow": True}, "that is for operators to set"),
    ],
)
def test_key_that_is_not_ours_is_refused_with_a_suggestion(extension: dict[str, Any], hint: str) -> None:
    """At publishing, by name; what is live stays readable, and a later contract may say more."""
    body = json.dumps({**PODLET, "mullion": extension}).encode()
    with pytest.raises(ManifestRefused) as refused:
        check_extension(body, parse(body))
    assert hint in str(refused.value)
    later = json.dumps({**PODLET, "mullion": {**extension, "contract": 2}}).encode()
    check_extension(later, parse(later))


def test_manifest_with_a_key_that_lost_its_meaning_is_still_published() -> None:
    """`sunset` was in the contract; nobody's next release is refused for it, and nothing is made of it."""
    body = json.dumps({**PODLET, "mullion": {"owner": "a team", "sunset": "2030-01-31"}}).encode()
    check_extension(body, parse(body))
    assert parse(body).mullion.owner == "a team"
    assert not hasattr(parse(body).mullion, "sunset")
