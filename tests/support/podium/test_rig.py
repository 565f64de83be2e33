"""The rig runs Podium's own packages, so other tests compare with the real thing."""

import pytest

from tests.support import plain_http
from tests.support.podium.rig import Podium


def test_many_podlets_answer_from_one_process_each_at_its_own_address(podium: Podium) -> None:
    """Manifest, content and fallback are where Podium puts them, and each has the podlet's version."""
    grid, mounted = podium.start(
        {"name": "grid", "content": "/content", "pages": {"/grid": "<p>grid</p>"}, "fallback": "/fallback"},
        {"name": "mounted", "pathname": "/mounted", "css": {"value": "/main.css"}, "version": "2.0.0"},
    )
    assert mounted.manifest_url == f"{mounted.url}/mounted/manifest.json"
    manifest = plain_http.get(mounted.manifest_url).json()
    assert manifest["css"] == [{"rel": "stylesheet", "type": "text/css", "value": "/main.css"}]
    content = plain_http.get(f"{grid.url}/content")
    assert (content.text, content.headers["podlet-version"]) == ("<p>grid: content</p>", "1.0.0")
    assert "content-type" not in plain_http.get(f"{grid.url}/grid").headers
    assert [seen["url"] for seen in podium.requests(grid)] == ["/content", "/grid"]


def test_podlet_is_deployed_anew_at_the_same_address(podium: Podium) -> None:
    """What is not named stays as it was."""
    [started] = podium.start({"name": "anew", "html": "<p>one</p>"})
    podium.change(started, version="1.0.1")
    answer = plain_http.get(started.url)
    assert (answer.text, answer.headers["podlet-version"]) == ("<p>one</p>", "1.0.1")


def test_stock_layout_shows_a_podlet_and_its_fallback(podium: Podium) -> None:
    """The other side of each comparison."""
    [started] = podium.start({"name": "shown", "fallback": "/fallback"})
    layout = podium.layout("page", {"name": "shown", "uri": started.manifest_url})
    assert '<section data-slot="shown"><p>shown: content</p></section>' in plain_http.get(layout.url).text
    podium.stop(started)
    assert '<section data-slot="shown"><p>shown: fallback</p></section>' in plain_http.get(layout.url).text


def test_schema_and_addresses_are_podiums_own(podium: Podium) -> None:
    """Defaults and refusals, and the rule by which a slot's pathname joins the content."""
    taken, refused = podium.validate({"name": "ab", "version": "1", "content": "/"}, {"name": "a"})
    assert taken["value"]["fallback"] == ""
    assert any("version" in error for error in refused["errors"])
    assert podium.addresses(("/", "http://x.example/m/manifest.json", "/grid")) == ["http://x.example/m/grid"]
    assert podium.elements(css=[{"value": "/a.css", "media": "print"}])["css"] == [
        '<link href="/a.css" media="print" type="text/css" rel="stylesheet">'
    ]


def test_mistake_of_a_test_is_told_and_the_rig_goes_on(podium: Podium) -> None:
    """An error of one command is that command's alone."""
    with pytest.raises(AssertionError, match='name" on the Podlet'):
        podium.start({"name": "not a name"})
    assert podium.validate({"name": "ab", "version": "1", "content": "/"})[0]["value"]["js"] == []
