"""A release as a folder: files that its files refer to are copied with them, at addresses that stay valid, or refused
by name.
"""

import asyncio
from urllib.parse import urljoin, urlsplit

import msgspec
import pytest

from bff.contracts.manifest import parse
from bff.resilience.message import Headers, Response
from shell.composition.release import Release, Trust, asset_url
from shell.registry.asset_copies import copy_entries
from shell.registry.file_types import type_of
from shell.registry.release_folder import PublishRefused, ReleaseBudget, ReleaseFolder

pytestmark = pytest.mark.quick

ORIGIN = "http://podlet.test:8080"
TYPES = {"js": "text/javascript", "css": "text/css; charset=utf-8", "json": "application/json", "html": "text/html"}
TYPES |= {"png": "image/png", "svg": "image/svg+xml", "woff2": "font/woff2"}
Files = dict[str, str | bytes]


class Served:
    """An origin of these files; `target` is the manifest that was fetched from it."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.fetched: list[str] = []

    async def get(self, where: str, url: str) -> Response:
        self.fetched.append(url)
        parts = urlsplit(url)
        name = parts.path + (f"?{parts.query}" if parts.query else "")
        if name not in self.files:
            raise PublishRefused(f"{where}: {url} answered 404; only 200 can be published")
        body = self.files[name]
        kind = TYPES[parts.path.rpartition(".")[2]]
        return Response(200, Headers([("content-type", kind)]), body.encode() if isinstance(body, str) else body)


def release(isolation: str = "shadow") -> Release:
    body = {"name": "podlet", "version": "1", "mullion": {"isolation": isolation}}
    url = f"{ORIGIN}/manifest.json"
    return Release("podlet", "", parse(msgspec.json.encode(body)), url, b"", css=(), js=(), trust=Trust.FIRST_PARTY)


def copied(
    files: Files, *entries: str, isolation: str = "shadow", budget: ReleaseBudget | None = None, in_roots: bool = False
) -> tuple[ReleaseFolder, Served]:
    served = Served(files)
    folder = ReleaseFolder(served.get, release(isolation), budget or ReleaseBudget())

    async def copy() -> None:
        for index, entry in enumerate(entries):
            kind = "css" if entry.endswith("css") else "js"
            where, url = f"{kind}[{index}]", ORIGIN + entry
            response = await served.get(where, url)
            found = type_of(response.headers.get("content-type"))
            assert found is not None
            folder.add_entry(where, url, response, found, in_roots=in_roots)
        await folder.add_referenced()

    asyncio.run(copy())
    return folder, served


def text(folder: ReleaseFolder, key: str) -> str:
    return bytes(folder.files[key].body).decode()


def test_all_that_a_script_reaches_lies_in_the_folder_once() -> None:
    """Static and dynamic imports of literals, exports, and files beside a module; cycles end; comments and strings are
    ignored.
    """
    main = """// import "./no-1.js"
    import a from "./a.js"; import "./sub/b.js"; export { c } from './c.js';
    const words = 'import "./no-2.js"', pattern = /import("no-3")/;
    import(/* webpackChunkName: "d" */ "./d.js"); import(`./e.js`); import data from "./f.json" with { type: "json" };
    const picture = new URL("pictures/g.png", import.meta.url), base = new URL("./", import.meta.url);"""
    files: Files = {"/js/main.js": main, "/js/sub/b.js": 'import "../a.js"; import "../main.js"', "/js/f.json": "{}"}
    files |= {f"/js/{name}.js": 'import "./main.js"' for name in "acde"} | {"/js/pictures/g.png": b"PNG"}
    folder, served = copied(files, "/js/main.js")
    assert sorted(folder.files) == sorted(name.lstrip("/") for name in files)
    assert len(served.fetched) == len(files)
    assert text(folder, "js/main.js") == main
    assert folder.notes == []


def test_all_that_a_stylesheet_reaches_lies_in_the_folder() -> None:
    """Imports with their conditions, pictures in every notation, and fonts; data URLs stay as they are."""
    main = """@charset "utf-8"; @import url(./base.css) layer(base) screen; @import "sub/more.css";
    @font-face { font-family: F; src: url("fonts/f.woff2") format("woff2"), local("F") }
    a { background: image-set("a.png" 1x, url('b.png') type("image/png") 2x); mask: url(#m) }
    b { background: url( c.png ) } i { background: url(data:image/png;base64,AA==) }"""
    files: Files = {
        "/css/main.css": main,
        "/css/base.css": '@import "main.css"',
        "/css/sub/more.css": "p { mask: url(../../d.svg#x) }",
    }
    files |= {f"/css/{name}.png": b"PNG" for name in "abc"} | {"/css/fonts/f.woff2": b"wOF2", "/d.svg": "<svg/>"}
    folder, _ = copied(files, "/css/main.css")
    assert sorted(folder.files) == sorted([*(name.lstrip("/") for name in files), *folder.lifted])
    assert '@import "./base.css" layer(base) screen;' in text(folder, "css/main.css")
    assert "url(../../d.svg#x)" in text(folder, "css/sub/more.css")
    assert text(folder, folder.lifted[0]).startswith('@font-face { font-family: F; src: url("fonts/f.woff2")')
    assert folder.files["css/fonts/f.woff2"].content_type == "font/woff2"


def test_imports_of_a_style_in_a_shared_tree_stand_before_its_scope() -> None:
    """Each imported file is scoped; anonymous and named layers keep their order."""
    files: Files = {
        "/main.css": '@layer early; @import "base.css" layer(late) print; a { color: red }',
        "/base.css": "b { color: blue }",
    }
    folder, _ = copied(files, "/main.css", isolation="light")
    slot = '@scope (fragment-slot[data-fragment="podlet"]) to (:scope fragment-slot) {'
    assert text(folder, "base.css").startswith(slot)
    before, scope, _ = text(folder, "main.css").partition(slot)
    assert before.split("\n") == [
        "@layer podlet-layers.early;",
        '@import "base.css" layer(podlet-layers.late) print;',
        "",
    ]
    assert scope
    assert folder.notes == []


@pytest.mark.parametrize(
    ("written", "there"),
    [
        ("/lib.js", "/lib.js"),
        (f"{ORIGIN}/lib.js", "/lib.js"),
        (f"{ORIGIN}:8080/lib.js".replace(":8080:8080", ":8080"), "/lib.js"),
        ("//podlet.test:8080/lib.js", "/lib.js"),
        ("../../../../lib.js", "/lib.js"),
        ("./../deep/./x.js", "/a/deep/x.js"),
        ("./a b.js".replace(" ", "%20"), "/a/b/a%20b.js"),
        ("./ä.js", "/a/b/ä.js"),
        ("./x.js?v=1&w=2", "/a/b/x.js?v=1&w=2"),
    ],
)
def test_address_means_the_same_file_in_the_folder(written: str, there: str) -> None:
    """For every spelling and every referring file the browser requests the file that was copied."""
    folder, _ = copied({"/a/b/main.js": f'import "{written}"', there: "1"}, "/a/b/main.js")
    copy = text(folder, "a/b/main.js").split('"')[1]
    page = "http://shell" + asset_url("podlet", "f" * 32, "a/b/main.js")
    keys = {asset_url("podlet", "f" * 32, key) for key in folder.files}
    found = urlsplit(urljoin(page, copy))
    target = found.path.replace("ä", "%C3%A4") + (f"?{found.query}" if found.query else "")
    assert found.netloc == "shell"
    assert target in keys
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("https://cdn.test/x.js", "another origin"),
        ("//cdn.test/x.js", "another origin"),
        ("http://podlet.test/x.js", "another origin"),
        ("http://user@podlet.test:8080/x.js", "another origin"),
        ("data:text/javascript,1", "another origin"),
        ("./%2e%2e/x.js", "more than one way"),
        ("./a%2fx.js", "more than one way"),
        ("./..%5cx.js", "more than one way"),
        (r"./a\\x.js", "more than one way"),
        ("./x.js ", "more than one way"),
        ("http://[x/", "another origin"),
        ("./" + "x" * 3000, "at most 2048"),
    ],
)
def test_address_that_no_page_may_or_surely_can_follow_is_refused(written: str, why: str) -> None:
    """The finding has field, file, line, address and remedy; no request is sent there."""
    served: Files = {"/main.js": f'\nimport "{written}"'}
    with pytest.raises(PublishRefused, match=rf"^js\[0\]: main\.js, line 2: .*{why}"):
        copied(served, "/main.js")


def test_missing_file_is_refused_with_field_address_and_remedy() -> None:
    """Also a file that only another file refers to."""
    files: Files = {"/main.js": 'import "./a.js"', "/a.js": '\n\nimport "./gone.js"'}
    with pytest.raises(PublishRefused) as refused:
        copied(files, "/main.js")
    assert str(refused.value) == (
        f"js[0]: a.js, line 3: imports ./gone.js: {ORIGIN}/gone.js answered 404; only 200 can be published. "
        "Serve the file there, or take out what names it"
    )


@pytest.mark.parametrize(
    ("entry", "body", "reached"),
    [
        ("/main.js", 'import "./page.html"', "text/html"),
        ("/main.js", 'import "./a.png"', "image/png"),
        ("/main.css", '@import "a.png";', "image/png"),
        ("/main.css", "a { background: url(b.css) }", "text/css"),
        ("/main.css", "@font-face { font-family: F; src: url(a.png) }", "image/png"),
    ],
)
def test_file_is_what_it_is_reached_as(entry: str, body: str, reached: str) -> None:
    """HTML in place of a script, and a picture in place of a style, are refused; the message names
    the expected type.
    """
    with pytest.raises(PublishRefused, match=rf"is served as {reached}.*; wanted .*/"):
        copied({entry: body, "/page.html": "", "/a.png": b"", "/b.css": ""}, entry)


def test_exceeded_budget_names_its_setting() -> None:
    """The limits of count and bytes name the setting that changes them; the count is checked before any request."""
    many: Files = {"/main.js": "".join(f'import "./{number}.js";' for number in range(10))}
    with pytest.raises(
        PublishRefused, match=r"11 files or more, and at most 5 .*files_max of `release` in HOUSE_POLICIES"
    ):
        copied(many, "/main.js", budget=ReleaseBudget(files_max=5))
    large: Files = {"/main.css": "a { background: url(a.png) }", "/a.png": b"0" * 5000}
    with pytest.raises(PublishRefused, match=r"with a\.png .* at most 4000 .*bytes_max of `release`"):
        copied(large, "/main.css", budget=ReleaseBudget(bytes_max=4000))


def test_computed_imports_and_bare_names_are_noted() -> None:
    """A computed import and a bare specifier are notes with their lines, as they may never run."""
    main = (
        'import lit from "lit";\nawait import(`./${name}.js`);\nimport(base + "x.js");\nnew URL(name, import.meta.url);'
    )
    folder, served = copied({"/main.js": main}, "/main.js")
    assert served.fetched == [f"{ORIGIN}/main.js"]
    lines = [note.split(":")[1].rpartition("line ")[2] for note in folder.notes]
    assert lines == ["1", "2", "3", "4"]
    assert "'lit'" in folder.notes[0]


def test_style_that_hides_an_address_is_refused() -> None:
    """An address from a custom property could lead anywhere; deep nesting is refused, too."""
    with pytest.raises(PublishRefused, match=r"css\[0\]: main\.css: .*var\(\) in an address"):
        copied({"/main.css": "a { background: image-set(var(--x)) }"}, "/main.css")
    with pytest.raises(PublishRefused, match="nested too deeply"):
        copied({"/main.css": "a" + "(" * 4000}, "/main.css")


def test_script_that_only_a_module_can_be_is_seen() -> None:
    """A module is recognised by its import and export statements, not by words in strings or dynamic imports."""
    files: Files = {"/a.js": "export default 1", "/b.js": 'import("./a.js"); "export default 1"'}
    folder, _ = copied(files, "/a.js", "/b.js")
    assert (folder.is_module("a.js"), folder.is_module("b.js")) == (True, False)


def test_large_bundle_is_read() -> None:
    """Two megabytes, and text that is not JavaScript, are scanned to the end."""
    files: Files = {
        "/main.js": b"f(a/b,'\\'');`${g(`x`)}`;\n" * 40_000 + b'import("./a.js")',
        "/a.js": b"\xff\x00{{{((" * 500,
    }
    assert sorted(copied(files, "/main.js")[0].files) == ["a.js", "main.js"]


def test_stylesheet_for_shadow_roots_is_left_as_it_is_in_a_shared_tree() -> None:
    """A scope would keep its rules, and those of its imports, out of the shadow root. Its fonts are declared for the
    page.
    """
    files: Files = {"/a.css": '@import "./b.css"; :host { color: red }', "/b.css": "p{} @font-face{font-family:Card}"}
    folder, _ = copied(files, "/a.css", isolation="light", in_roots=True)
    assert text(folder, "a.css") == files["/a.css"]
    assert text(folder, "b.css") == files["/b.css"]
    assert folder.lifted == ["b.css|page.css"]
    assert "@scope" in text(copied(files, "/a.css", isolation="light")[0], "a.css")


def test_source_maps_are_not_copied() -> None:
    """Pages do not use them, and they are larger than the files that they describe."""
    files: Files = {"/a.js": "1\n//# sourceMappingURL=a.js.map\n", "/a.css": "p{}\n/*# sourceMappingURL=a.css.map */"}
    folder, served = copied(files, "/a.js", "/a.css")
    assert sorted(folder.files) == ["a.css", "a.js"]
    assert served.fetched == [f"{ORIGIN}/a.js", f"{ORIGIN}/a.css"]
    assert folder.notes == []


def test_data_of_an_asset_is_what_stands_on_its_element() -> None:
    """Each asset has its own attributes, without a note."""
    body = {
        "name": "podlet",
        "version": "1",
        "js": [{"value": "/a.js", "data": [{"key": "id", "value": "7"}]}, {"value": "/b.js"}],
    }
    manifest = parse(msgspec.json.encode(body))
    served = Served({"/a.js": "1", "/b.js": "2"})
    entries = asyncio.run(copy_entries(ReleaseFolder(served.get, release()), served.get, "js", manifest.js))
    assert entries.keys == ["a.js", "b.js"]
    assert {key: use.data for key, use in entries.uses.items() if use.data} == {"a.js": (("data-id", "7"),)}
    assert entries.notes == []


def test_data_of_a_stylesheet_for_shadow_roots_is_noted_as_without_effect() -> None:
    """The podlet's own HTML links that stylesheet, so a note tells its authors to write the data there."""
    css = [{"value": "/a.css", "strategy": "shadow-dom", "data": {"id": "7"}}, {"value": "/b.css", "data": {"id": "7"}}]
    manifest = parse(msgspec.json.encode({"name": "podlet", "version": "1", "css": css}))
    served = Served({"/a.css": "", "/b.css": ""})
    entries = asyncio.run(copy_entries(ReleaseFolder(served.get, release()), served.get, "css", manifest.css))
    assert [note.partition(",")[0] for note in entries.notes] == ["css[0]: its data stands nowhere"]


def test_script_is_a_module_where_a_layout_would_load_it_as_one() -> None:
    """With `type: module` or `esm`, or `strategy: lazy`; any other script is classic."""
    ways = [{"type": "module"}, {"type": "esm"}, {"strategy": "lazy"}, {"type": "default"}, {}]
    js = [{"value": f"/{number}.js", **way} for number, way in enumerate(ways)]
    manifest = parse(msgspec.json.encode({"name": "podlet", "version": "1", "js": js}))
    served = Served({f"/{number}.js": str(number) for number in range(len(ways))})
    entries = asyncio.run(copy_entries(ReleaseFolder(served.get, release()), served.get, "js", manifest.js))
    assert entries.keys == ["0.js", "1.js", "2.js", "3.js", "4.js"]
    assert [key for key, use in entries.uses.items() if use.classic] == ["3.js", "4.js"]
