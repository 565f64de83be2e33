"""A shell whose three slots are filled by one origin that tests can slow down and break, path by path.

Public: `SlowHouse`, `SLOTS`, `PARTITION_KEY`, `FORM_ORIGIN`.
"""

import asyncio
import os
import re
import sqlite3
import threading
from collections.abc import Coroutine
from contextlib import ExitStack, closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from shell.operations.up.house import embedded_valkey
from tests.origin.server import Origin
from tests.support.manage_commands import ManageProcess
from tests.support.mullion import Mullion

T = TypeVar("T")
_LOADED = re.compile(r"registry_loaded.*\bgeneration=(\d+)")
# The slots of its lobby, which has no games.
SLOTS = ("wallet", "tables", "promotions")
PARTITION_KEY = "of-this-house-alone-" + "k" * 32
FORM_ORIGIN = "https://pay.example"
PAGES = """
[fragments.origin]
[pages.lobby]
route = "/"
template = "lobby.html"
[pages.lobby.slots]
wallet = { fragment = "origin", pathname = "/one" }
tables = { fragment = "origin", pathname = "/two" }
promotions = { fragment = "origin", pathname = "/three" }
[fragments.wallet]
[fragments.live-dealer]
[fragments.promotions]
[pages.ours]
route = "/ours/"
template = "lobby.html"
[pages.ours.slots]
wallet = { fragment = "wallet", pathname = "/summary" }
tables = { fragment = "live-dealer", pathname = "/grid" }
promotions = { fragment = "promotions", pathname = "/offers" }
[fragments.games]
[pages.games]
route = "/ours/games/"
template = "games.html"
[pages.games.slots]
catalogue = { fragment = "games", pathname = "/catalogue", query = ["search", "category"] }
wallet = { fragment = "wallet", pathname = "/summary" }
[fragments.poll]
[pages.limits]
route = "/limits/"
template = "limits.html"
[pages.limits.slots]
limits = { fragment = "poll" }
wallet = { fragment = "origin", pathname = "/one" }
[fragments.guest]
[pages.history]
route = "/history/"
template = "history.html"
[pages.history.slots]
history = { fragment = "guest" }
wallet = { fragment = "origin", pathname = "/one" }
"""
# A field to type into, and a button that refetches its own slot; in the other two slots its address is foreign and is
# removed.
BODY = b"""<section><h2>Origin</h2><p>All is well.</p>
<label>Note <input name="note"></label>
<button hx-get="/slots/lobby/wallet" hx-target="closest fragment-slot" hx-swap="outerHTML">Again</button></section>"""


class SlowHouse:
    """`with SlowHouse(folder) as house:` then `house.fail("slow=700", at="/two")`, `house.heal()`, `house.url`."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._environ = environ
        self._stack = ExitStack()
        self._manage: ManageProcess | None = None
        self._loop = asyncio.new_event_loop()
        self.pages = folder / "pages.toml"
        self.pages.write_text(PAGES)
        self.origin = Origin(body=BODY)

    def __enter__(self) -> Self:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._stack.callback(thread.join, 5)
        self._stack.callback(self._loop.call_soon_threadsafe, self._loop.stop)
        self._run(self.origin.__aenter__())
        self._stack.callback(lambda: self._run(self.origin.aclose()))
        environ = {"SHELL_PAGES": str(self.pages), "PARTITION_KEY": PARTITION_KEY, "FORM_ORIGINS": FORM_ORIGIN}
        self.mullion = self._stack.enter_context(Mullion("--only", "shell", environ=environ | self._environ))
        self.url = self.mullion.url
        self.publish()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def fail(self, fault: str, *, at: str = "/") -> None:
        self._run(self.origin.fail(fault, at=at))

    def heal(self) -> None:
        self._run(self.origin.heal())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    def publish(self, *urls: str, trust: str = "first-party") -> str:
        """Publish the manifests at `urls`, by default the origin's; returns the command's output.

        A podlet of another test may have replaced it. Returns when the running shell renders its pages with it.
        """
        urls = urls or (f"{self.origin.url}/manifest.json",)
        printed = self.manage("fragment", "publish", "--move", "--trust", trust, *urls)
        self.mullion.wait(self._follows)
        return printed

    def _follows(self) -> bool:
        """Whether the shell has loaded the newest change of its registry."""
        address = f"file:{self.mullion.data / 'shell.sqlite3'}?mode=ro"
        with closing(sqlite3.connect(address, uri=True)) as registry:
            [[newest]] = registry.execute("select max(id) from registry_auditentry where changes_pages")
        loaded = _LOADED.findall("\n".join(self.mullion.logs("shell")))
        return int(loaded[-1]) >= newest if loaded else False

    def manage(self, *arguments: str) -> str:
        """A command of `manage.py` with this shell's environment; returns its output."""
        if self._manage is None:
            environ = {"SHELL_PAGES": str(self.pages), "DEBUG": "1", "MULLION_DATA": str(self.mullion.data)}
            environ["REDIS_URL"] = embedded_valkey(self.mullion.port_base)
            self._manage = self._stack.enter_context(ManageProcess({**os.environ, **environ}))
        return self._manage(*arguments)
