"""`fragment check` with a browser: pictures of the composed slot, errors of its scripts, and accessibility."""

import asyncio
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.support.chromium import Chromium
from tests.support.mullion import ROOT
from tests.support.route_server import Answer, RouteServer

MANIFEST = {
    "name": "poll",
    "version": "1",
    "fallback": "/fallback",
    "css": [{"value": "/poll.css"}],
    "js": [{"value": "/poll.js", "type": "module"}],
    "mullion": {"isolation": "shadow"},
}
SCRIPT = """export default function mount(root) {
  root.querySelector("b")?.replaceChildren("by its script");
  fetch("https://api.test/x").catch(() => {});
  window.times = (window.times ?? 0) + 1;
  if (window.times > 1) queueMicrotask(() => { throw new Error("it ran twice"); });
}"""
ANSWERS = {
    "/manifest.json": Answer(json.dumps(MANIFEST), "application/json"),
    "/a/b": Answer('<section><h2>Poll</h2><b>plain</b><form><input name="a"></form><div class="wide"></div></section>'),
    "/": Answer("<p>Elsewhere</p>"),
    "/fallback": Answer("<p>The poll is closed.</p>"),
    "/poll.css": Answer(".wide { width: 700px; height: 10px }", "text/css"),
    "/poll.js": Answer(SCRIPT, "text/javascript"),
}
BARE = ("", "-no-script")
PNG = b"\x89PNG"


async def checked(environ: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The command, run on a fragment that is served here."""
    async with RouteServer(ANSWERS) as server:
        options = ["--slot", "/a/b", "--trust", "first-party", "--pictures", str(folder), "--json"]
        command = [sys.executable, "manage.py", "fragment", "check", f"{server.url}/manifest.json", *options]
        return await asyncio.to_thread(
            subprocess.run, command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=100
        )


def test_pictures_scripts_and_accessibility_are_looked_at(chromium: Chromium, tmp_path: Path) -> None:
    """At 1280 and 390 px, with scripts and without, healthy and failing; the slot is fetched again once."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CHROMIUM": str(chromium.path)}
    folder = tmp_path / "pictures"
    # In a thread of its own: the shared browser's event loop runs in this one.
    with ThreadPoolExecutor(1) as thread:
        ended = thread.submit(asyncio.run, checked(environ, folder)).result()
    assert ended.stderr == ""
    report = json.loads(ended.stdout)
    names = {
        f"a-b{failing}-{px}{bare}" for failing in ("", "-failing") for px in (1280, 390) for bare in ("", "-no-script")
    }
    assert {path.stem for path in folder.iterdir()} == names == {Path(path).stem for path in report["pictures"]}
    assert all(path.read_bytes().startswith(PNG) for path in folder.iterdir())
    findings = [f"{each['level']} {each['field']}: {each['message']}" for each in report["findings"]]
    for words in (
        "error a/b: a script throws: it ran twice",
        "error a/b: Form elements must have labels (label, critical)",
        "warning a/b: at 390 px it is",
        "warning a/b: the browser refuses it: Connecting to 'https://api.test/x'",
    ):
        assert any(each.startswith(words) for each in findings), findings
    assert not any("inline style" in each for each in findings), findings
    assert ended.returncode == 1
