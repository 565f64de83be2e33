"""Mistakes in releases, and the finding for each, from `fragment check` and from publishing.

Public: `Mistake`, `MISTAKES`, `GOOD`, `VERSION`, `WELL`, `manifest`, `content`.
"""

from dataclasses import dataclass

from tests.support.route_server import Answer

GOOD = """{
  "name": "poll",
  "version": "1.0.0",
  "content": "/",
  "fallback": "/fallback",
  "css": [
    {"value": "/poll.css"}
  ],
  "proxy": {"actions": "/actions"},
  "mullion": {
    "deadline_ms": 1000
  }
}"""
VERSION = {"podlet-version": "1.0.0"}
WELL = {
    "/manifest.json": Answer(GOOD, "application/json"),
    "/": Answer("<section>\n<h2>Red or black?</h2>\n</section>", headers=VERSION),
    "/fallback": Answer("<p>The poll is closed.</p>", headers=VERSION),
    "/poll.css": Answer(".poll { color: inherit }", "text/css"),
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """`changes` to a valid release break `rule`; `finding` is field, place, words of the message and of the remedy.

    `level` is that of the check, which runs at a desk. If `published` is not empty, publishing accepts the release,
    with a warning of these words.
    """

    changes: dict[str, Answer]
    rule: str
    level: str
    finding: tuple[str, str, str, str]
    published: str = ""


def manifest(old: str, new: str) -> dict[str, Answer]:
    assert old in GOOD
    return {"/manifest.json": Answer(GOOD.replace(old, new), "application/json")}


def content(body: str, **more: object) -> dict[str, Answer]:
    return {"/": Answer(body, headers=VERSION, **more)}  # type: ignore[arg-type]


MISTAKES: dict[str, Mistake] = {
    "a comma too many in the manifest": Mistake(
        manifest('"deadline_ms": 1000', '"deadline_ms": 1000,'),
        "manifest",
        "error",
        ("manifest", "manifest.json:12", "not JSON", "Mend the JSON"),
    ),
    "no version": Mistake(
        manifest('"version": "1.0.0",', ""),
        "manifest",
        "error",
        ("version", "manifest.json", "missing required field", "Add the field"),
    ),
    "a value of the wrong kind": Mistake(
        manifest('"deadline_ms": 1000', '"deadline_ms": "400"'),
        "manifest",
        "error",
        ("mullion.deadline_ms", "manifest.json:11", "Expected `int`", "Correct the value"),
    ),
    "a misspelt key": Mistake(
        manifest('"deadline_ms": 1000', '"deadline": 400'),
        "manifest",
        "error",
        ("mullion.deadline", "manifest.json:11", "did you mean 'deadline_ms'?", "Correct the key"),
    ),
    "a stylesheet that is not there": Mistake(
        {"/poll.css": Answer(status=404)},
        "file",
        "error",
        ("css[0]", "manifest.json:7", "answered 404", "correct the address"),
    ),
    "a stylesheet that is served as something else": Mistake(
        {"/poll.css": Answer("p {}", "text/plain")},
        "file",
        "error",
        ("css[0]", "manifest.json:7", "served as text/plain", "Serve stylesheets as text/css"),
    ),
    "a fallback that is not there": Mistake(
        {"/fallback": Answer(status=404)},
        "file",
        "error",
        ("fallback", "manifest.json:5", "answered 404", "Serve it there"),
    ),
    "no fallback": Mistake(
        manifest('"fallback": "/fallback",', ""),
        "fallback-missing",
        "error",
        ("fallback", "manifest.json", "neutral card", '"fallback": "/fallback"'),
    ),
    "a script that is not trusted": Mistake(
        {
            **manifest('"css": [', '"js": [{"value": "/poll.js"}],\n  "css": ['),
            "/poll.js": Answer("export default () => {}", "text/javascript"),
        },
        "file",
        "warning",
        ("js", "manifest.json:6", "no page runs its scripts", "--trust first-party"),
    ),
    "a whole document": Mistake(
        content("<!doctype html><html><body><p>Hello</p></body></html>"),
        "content-refused",
        "error",
        ("content", "/", "unsafe_html", "without doctype"),
    ),
    "a handler in the HTML": Mistake(
        content('<section>\n<button type="button"\n  onclick="vote()">Red</button></section>'),
        "content-altered",
        "warning",
        ("content", "/:2", "removed onclick of <button>", "listen in its mount(root)"),
    ),
    "an inline script": Mistake(
        content("<p>Hello</p>\n\n<script>vote()</script>"),
        "content-altered",
        "warning",
        ("content", "/:3", "removed <script>", "`js`"),
    ),
    "an inline stylesheet": Mistake(
        content("<p>Hello</p>\n<style>p {}</style>"),
        "content-altered",
        "warning",
        ("content", "/:2", "removed <style>", "`css`"),
    ),
    "a form that goes elsewhere": Mistake(
        content('<p>Hello</p>\n<form action="/vote" method="post"><button>Red</button></form>'),
        "content-altered",
        "warning",
        ("content", "/:2", "removed action of <form>", "podium-public-pathname"),
    ),
    "an answer without a length": Mistake(
        content("<p>Hello</p>", close=True),
        "content-refused",
        "error",
        ("content", "/", "framing", "content-length"),
    ),
    "an answer of another version": Mistake(
        {"/": Answer("<p>Hello</p>", headers={"podlet-version": "1.0.1"})},
        "version",
        "warning",
        ("content", "/", "podlet-version is '1.0.1'", "same version"),
    ),
    "an answer without a version": Mistake(
        {"/": Answer("<p>Hello</p>")},
        "content-refused",
        "error",
        ("content", "/", "not_a_fragment", "Say podlet-version with every answer"),
    ),
    "JSON in place of HTML": Mistake(
        content("{}", content_type="application/json"),
        "content-refused",
        "error",
        ("content", "/", "content_type", "text/html"),
    ),
    "a redirect": Mistake(
        {"/": Answer(status=302, headers={"location": "/content/"})},
        "content-refused",
        "error",
        ("content", "/", "redirect", "slash at the end"),
    ),
    "an answer that comes too late": Mistake(
        {**manifest('"deadline_ms": 1000', '"deadline_ms": 50'), **content("<p>Hello</p>", wait_s=0.3)},
        "time-budget",
        "error",
        ("content", "/", "timeout", "deadline_ms"),
        published="answer took",
    ),
    "an error page": Mistake(
        {"/": Answer("<h1>Broken</h1>", status=500)},
        "content-away",
        "error",
        ("content", "/", "upstream_error", "its own log"),
        published="upstream_error",
    ),
    "a cookie": Mistake(
        {"/": Answer("<p>Hello</p>", headers={**VERSION, "set-cookie": "a=b"})},
        "cookie",
        "warning",
        ("content", "/", "set-cookie is dropped", "bearer"),
    ),
    "a shared body that nobody may keep": Mistake(
        manifest('"deadline_ms": 1000', '"audience": "shared"'),
        "caching",
        "warning",
        ("content", "/", "every page asks anew", "max-age=2"),
    ),
    "a copy that may never stand in": Mistake(
        {
            **manifest('"deadline_ms": 1000', '"stale_s_max": 60, "audience": "shared"'),
            "/": Answer("<p>Hello</p>", headers={**VERSION, "cache-control": "no-store"}),
        },
        "stale-copy",
        "warning",
        ("content", "", "no copy of this answer ever stands in", "no-store"),
    ),
    "a fallback without a word": Mistake(
        {"/fallback": Answer("<div><svg></svg></div>", headers=VERSION)},
        "fallback-missing",
        "error",
        ("fallback", "manifest.json", "no word in it", "Serve a piece of HTML"),
    ),
    "a fallback that no page can show": Mistake(
        {"/fallback": Answer("<plaintext>", headers=VERSION)},
        "fallback-refused",
        "error",
        ("fallback", "manifest.json:5", "can not be closed", "a piece of HTML that is closed"),
    ),
    "a picture that says nothing": Mistake(
        content('<p>Hello</p>\n<img src="data:image/png;base64,AA==">'),
        "a11y-alt",
        "error",
        ("content", "/:2", "<img> has no alt", 'alt="'),
    ),
    "a button without a name, in the fallback": Mistake(
        {"/fallback": Answer("<p>Away</p>\n\n<button><svg></svg></button>", headers=VERSION)},
        "a11y-name",
        "error",
        ("fallback", "/fallback:3", "no name that can be read out", "aria-label"),
    ),
    "a field without a label": Mistake(
        content("<p>Hello</p><input>"), "a11y-label", "error", ("content", "/:1", "<input> has no label", "<label>")
    ),
    "content that is more than is read": Mistake(
        content("<p>Hello</p>" * 30_000),
        "content-refused",
        "error",
        ("content", "/", "oversize", "body_bytes_max"),
    ),
}
