"""`small` behind its edge, under load, while one process of each kind is killed again and again: a lobby for browsers.

Public: `SmallLobby`, `small_lobby`.
"""

import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.postgres_server import PostgresServer
from tests.support.small.edge import Edge
from tests.support.small.installation import Small
from tests.support.small.load import Load, loaded

PAUSE_S = 2.0


class SmallLobby:
    """The part of a house that tests of the lobby use: `url`, `get`, `output`. `kills` counts kills by kind."""

    def __init__(self, url: str, small: Small, load: Load) -> None:
        self.url, self.small, self.load = url, small, load
        self.kills: Counter[str] = Counter()
        self.error: BaseException | None = None
        self._over = threading.Event()
        self._killing = threading.Thread(target=self._kill)

    def get(self, path: str) -> tuple[int, str]:
        return self.small.get(path)

    def output(self) -> str:
        return f"{self.load.pages} {dict(self.load.slots)}"

    @property
    def every_kind_died(self) -> bool:
        if self.error is not None:
            raise self.error
        return {*self.kills} == {*self.small.deployments}

    def start_killing(self) -> None:
        self._killing.start()

    def stop(self) -> None:
        """Ends the kills, then the load."""
        self._over.set()
        if self._killing.is_alive():
            self._killing.join()
        self.load.stop()

    def _kill(self) -> None:
        """Kills one process of each kind, then the other one of each. A shell is asked to end, as when a node is
        drained: nothing could help the reader of a page that it has half sent."""
        try:
            for number in (1, 2):
                for name in self.small.deployments:
                    if self._over.wait(PAUSE_S):
                        return
                    self.small.kill(f"{name}#{number}", signal.SIGTERM if name == "shell" else signal.SIGKILL)
                    self.kills[name] += 1
        except AssertionError as error:
            self.error = error


@contextmanager
def small_lobby(postgres: PostgresServer) -> Iterator[SmallLobby]:
    """The lobby once it is up and under load, and nothing has been killed yet."""
    with Edge() as edge, Small(postgres, origin=edge.origin) as small:
        ports = {name: small.service_port(name) for name in ("bff-live", "bff-commands", "shell")}
        edge.start({"= /live": ports["bff-live"], "= /webhooks/payments": ports["bff-commands"], "/": ports["shell"]})
        with loaded(small) as load:
            lobby = SmallLobby(edge.origin, small, load)
            try:
                yield lobby
            finally:
                lobby.stop()
