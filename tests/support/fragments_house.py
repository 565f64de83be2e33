"""A fragment as a real process, for tests.

Public: `Fragment`, `bearer`, `PUBLIC_KEY`.
"""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bff.contracts import headers
from bff.contracts.games import SCOPE_GAMES, SCOPE_GAMES_WRITE
from bff.contracts.player_context import PlayerContext, mint, new_key_pair
from bff.contracts.promotions import SCOPE_PROMOTIONS
from bff.contracts.wallet import SCOPE_CLAIM, SCOPE_DEPOSIT, SCOPE_LIMITS, SCOPE_READ, SCOPE_WITHDRAW
from tests.support import preloaded

ROOT = Path(__file__).parents[2]
READY_S_MAX = 60
# Long enough for a machine with other work; a test about lateness sends a deadline of its own.
UNHURRIED_VIEW_MS, UNHURRIED_DEADLINE_MS = 4_000, "9000"
PRIVATE_KEY, PUBLIC_KEY = new_key_pair()


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; header names are in lower case."""

    status: int
    headers: dict[str, str]
    text: str


class _AsItIs(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, as a shell follows none: urllib then raises the answer as an error."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_AsItIs)


class Fragment:
    """`fragments.<room>` under uvicorn on a free port, with its BFF and any provider at `bff_url`.

    `commands_url` is the engine's address if it is another one, `public_key` the key that checks bearers. `command`
    starts the process in `folder`, another tree than the tests' own, with `environ` added. A request without a deadline
    gets one that a busy machine meets too.
    """

    def __init__(
        self,
        room: str,
        bff_url: str,
        *,
        commands_url: str = "",
        public_key: str = PUBLIC_KEY,
        command: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        folder: Path = ROOT,
    ) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._room, self._command, self._folder, self._bff_url = room, command, folder, bff_url
        self._environ = environ or {}
        self._commands_url, self._public_key = commands_url or bff_url, public_key

    def __enter__(self) -> Self:
        environment = {
            "PATH": os.environ["PATH"],
            "DEBUG": "1",
            "PROCESS_NAME": self._room,
            "PLAYER_CONTEXT_PUBLIC_KEY": self._public_key,
            "BFF_QUERIES_URL": self._bff_url,
            "BFF_COMMANDS_URL": self._commands_url,
            "BETS_PROVIDER_URL": self._bff_url,
            "HOUSE_POLICIES": json.dumps({"kit": {"view_ms": UNHURRIED_VIEW_MS}}),
            **self._environ,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
        }
        words = ["uvicorn", f"fragments.{self._room}.asgi:application"]
        words += ["--port", str(self.port), "--log-level", "warning"]
        self._process = (
            subprocess.Popen(self._command, cwd=self._folder, env=environment)
            if self._command
            else preloaded.start(*words, env=environment)
        )
        started = time.monotonic()
        while time.monotonic() - started < READY_S_MAX:
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._room} ended with {self._process.returncode} before it was ready")
            try:
                if self.get("/healthz").status == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"{self._room} was not ready within {READY_S_MAX} s")

    def __exit__(self, *_: object) -> None:
        self.terminate()
        self._process.wait(10)

    def terminate(self) -> None:
        """Ends the process as a deployment does (SIGTERM); requests in flight are served to the end."""
        self._process.terminate()

    def wait(self) -> int:
        """The exit code, once the process has ended."""
        return self._process.wait(10)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, target: str, **headers: str) -> Answer:
        """GET `target`; keywords are headers, with `_` for `-`."""
        return self._ask(urllib.request.Request(self.url + target), headers)

    def post(self, target: str, fields: dict[str, str] | bytes, **headers: str) -> Answer:
        """POST a form."""
        body = fields if isinstance(fields, bytes) else urllib.parse.urlencode(fields).encode()
        return self._ask(urllib.request.Request(self.url + target, body, method="POST"), headers)

    def _ask(self, request: urllib.request.Request, sent: dict[str, str]) -> Answer:
        request.add_header(headers.DEADLINE_MS, UNHURRIED_DEADLINE_MS)
        for name, value in sent.items():
            request.add_header(name.replace("_", "-"), value)
        try:
            response = _OPENER.open(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            came = {name.lower(): value for name, value in response.headers.items()}
            return Answer(response.status, came, response.read().decode())


def bearer(audience: str, *, player: str = "pl_amber", currency: str = "EUR", expires_in_s: int = 120) -> str:
    """The `Authorization` value that the shell would send to `audience`."""
    now = int(time.time())
    scopes = frozenset({SCOPE_READ, SCOPE_PROMOTIONS, SCOPE_DEPOSIT, SCOPE_CLAIM, SCOPE_WITHDRAW, SCOPE_LIMITS})
    scopes |= {SCOPE_GAMES, SCOPE_GAMES_WRITE}
    context = PlayerContext(player, audience, currency, "en-GB", scopes, now + expires_in_s)
    return f"Bearer {mint(context, PRIVATE_KEY, now=now)}"
