"""Files of a release as browsers get them: at their paths, cacheable for a year, and harmless when opened by
themselves.
"""

import re
from types import SimpleNamespace
from typing import Any, cast

import pytest

from shell.composition.page import PageTable
from shell.composition.release import Trust
from shell.page_path import PagePath
from shell.registry.origins import Origins
from shell.registry.publish import publish
from shell.registry.snapshot_poller import SnapshotPoller
from tests.support.podium.rig import Podium, Started

pytestmark = pytest.mark.django_db(transaction=True)
SCRIPT = 'import "./chunk.js?v=1"; import "/lib/far%20away.js";\n' + "// words that compress well\n" * 40
BESIDE = 'new URL("./a.svg", import.meta.url)'
FILES = {
    "/js/main.js": {"headers": {"content-type": "text/javascript"}, "body": SCRIPT},
    "/js/chunk.js": {"headers": {"content-type": "text/javascript"}, "body": "export default 1;\n" * 60},
    "/lib/far%20away.js": {
        "headers": {"content-type": "text/javascript"},
        "body": 'new URL("./a.svg", import.meta.url)',
    },
    "/lib/a.svg": {"headers": {"content-type": "image/svg+xml"}, "body": "<svg><script>1</script></svg>"},
}


async def answered(poller: SnapshotPoller, path: str, query: str = "", coding: str = "") -> tuple[int, Any, bytes]:
    """(status, headers, body) of one request for a file."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("a file needs no body")

    parts = cast("Any", SimpleNamespace(registry=poller, pages=PageTable([])))
    headers = [(b"accept-encoding", coding.encode())] if coding else []
    scope = {"method": "GET", "path": path, "query_string": query.encode(), "headers": headers}
    assert await PagePath(parts).serve(scope, receive, send)
    return sent[0]["status"], sent[0]["headers"], sent[1]["body"]


async def published(started: Started, poller: SnapshotPoller) -> str:
    """The path below which its files are served."""
    origins = Origins([], loopback=True)
    await publish(started.manifest_url, origins=origins, actor="tests", trust=Trust.FIRST_PARTY)
    await poller.refresh()
    return f"/assets/podlet/{poller.current.releases['podlet'].folder}/"


async def test_files_of_a_release_are_served_at_their_paths(podium: Podium) -> None:
    """Copied files refer to each other with or without a query; a script that runs twice loads no second file."""
    [started] = podium.start({"name": "podlet", "js": [{"value": "/js/main.js", "type": "module"}], "files": FILES})
    poller = SnapshotPoller()
    folder = await published(started, poller)
    assert poller.current.releases["podlet"].address("js/main.js") == f"{folder}js/main.js"
    status, _, body = await answered(poller, f"{folder}js/main.js", "run=2")
    assert (status, body.partition(b"\n")[0]) == (200, b'import "./chunk.js?v=1"; import "../lib/far%20away.js";')
    assert (await answered(poller, f"{folder}js/chunk.js", "v=1"))[0] == 200
    assert (await answered(poller, f"{folder}js/chunk.js", "v=1", "gzip"))[2][:2] == b"\x1f\x8b"
    assert (await answered(poller, f"{folder}js/chunk.js"))[0] == 404
    status, headers, _ = await answered(poller, f"{folder}lib/far away.js")
    assert (status, (b"content-type", b"text/javascript; charset=utf-8") in headers) == (200, True)
    for path in ("js/../js/main.js", "js", "", "js/main.js/", "../podlet/js/main.js"):
        assert (await answered(poller, folder + path))[0] == 404, path
    assert (await answered(poller, folder.replace("podlet", "other") + "js/main.js"))[0] == 404


async def test_file_that_is_opened_by_itself_can_do_nothing(podium: Podium) -> None:
    """A drawing with a script is a sandboxed document, its type is not sniffed, and it may be cached for a year."""
    [started] = podium.start({"name": "podlet", "js": [{"value": "/js/main.js", "type": "module"}], "files": FILES})
    poller = SnapshotPoller()
    folder = await published(started, poller)
    for path in ("lib/a.svg", "js/main.js"):
        _, headers, _ = await answered(poller, folder + path)
        policies = [value for name, value in headers if name == b"content-security-policy"]
        assert any(value.startswith(b"sandbox; default-src 'none'") for value in policies)
        assert (b"x-content-type-options", b"nosniff") in headers
        assert (b"cache-control", b"public, max-age=31536000, immutable") in headers


async def test_open_page_keeps_the_files_of_its_release(podium: Podium) -> None:
    """The next release has addresses of its own; a file that is equal in both keeps its address."""
    css = [{"value": "/a.css"}]
    sheet = {"/a.css": {"headers": {"content-type": "text/css"}, "body": "a { color: red }"}}
    [started] = podium.start({"name": "podlet", "css": css, "files": sheet})
    poller = SnapshotPoller()
    first = await published(started, poller)
    podium.change(started, version="2.0.0")
    assert await published(started, poller) == first
    sheet["/a.css"]["body"] = "a { color: blue }"
    podium.change(started, version="3.0.0", files=sheet)
    third = await published(started, poller)
    assert third != first
    assert b"red" in (await answered(poller, f"{first}a.css"))[2]
    assert b"blue" in (await answered(poller, f"{third}a.css"))[2]


async def test_pictures_in_html_are_copied_or_noted(podium: Podium) -> None:
    """For fallback and content, in every attribute; a missing picture is a note, and a page is no picture."""
    picture = {"headers": {"content-type": "image/png"}, "body": "PNG"}
    page = {"headers": {"content-type": "text/html"}, "body": "<p>"}
    [started] = podium.start(
        {
            "name": "podlet",
            "html": '<img alt="" src="a.png" srcset="/b.png 2x"><img alt src="gone.png"><img alt src="page.html">',
            "fallback": "/fallback",
            "pages": {"/fallback": '<p>Away</p><video poster="/c.png"></video>'},
            "files": {"/a.png": picture, "/b.png": picture, "/c.png": picture, "/page.html": page},
        }
    )
    origins = Origins([], loopback=True)
    done = await publish(started.manifest_url, origins=origins, actor="tests", trust=Trust.SANDBOXED)
    poller = SnapshotPoller()
    await poller.refresh()
    release = poller.current.releases["podlet"]
    assert sorted(release.files) == ["a.png", "b.png", "c.png"]
    assert (await answered(poller, release.address("a.png")))[0] == 200
    notes = "\n".join(done.notes)
    assert "gone.png answered 404" in notes
    assert "page.html is none of image/png" in notes
    assert "removed src of <img>; a page shows it without" in notes
    assert "removed srcset" not in notes
    assert "removed poster" not in notes


async def test_pictures_below_a_static_prefix_are_looked_at_and_not_copied(podium: Podium) -> None:
    """They may change without a publish; those of the fallback are copied, as it is shown while the origin is away."""
    picture = {"headers": {"content-type": "image/png"}, "body": "PNG"}
    [started] = podium.start(
        {
            "name": "podlet",
            "html": "".join(f'<img alt src="/{each}">' for each in ("p/today.png", "p/gone.png", "p/page", "a.png")),
            "fallback": "/fallback",
            "pages": {"/fallback": '<p>Away</p><img alt src="/p/away.png">', "/p/page": "<p>"},
            "files": {"/a.png": picture, "/p/today.png": picture, "/p/away.png": picture},
            "extend": {"mullion": {"static": ["/p"]}},
        }
    )
    origins = Origins([], loopback=True)
    done = await publish(started.manifest_url, origins=origins, actor="tests", trust=Trust.SANDBOXED)
    poller = SnapshotPoller()
    await poller.refresh()
    release = poller.current.releases["podlet"]
    assert sorted(release.files) == ["a.png", "p/away.png"]
    today = release.pictures.address("/p/today.png") or ""
    assert re.fullmatch(f"/assets/podlet/at-{release.digest[:12]}/~[A-Za-z0-9_-]{{16}}/p/today.png", today)
    assert release.pictures.address("/p/away.png") == release.address("p/away.png")
    notes = "\n".join(done.notes)
    assert "p/gone.png answered 404" in notes
    assert "p/page is none of image/png" in notes
    assert "removed src" not in notes
