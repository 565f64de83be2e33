"""A client of the fault proxy's API: finds the proxy that runs here, lists its hops, breaks and heals them.

Public: `Control`, `CanNotRun`, `ControlRefused`, `find`, `folder`, `key_here`.
"""

import difflib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from shell.operations.up.board import FILE
from shell.operations.up.drills import DRILLS_NAME
from shell.operations.up.plan import PARTITION_KEY
from shell.operations.up.running import running
from tests.drills.mark import key_of
from tests.drills.proxy.faults import Layer, applies
from tests.drills.proxy.toxic import fault_of

PATIENCE_S = 5.0


class CanNotRun(Exception):
    """There is no fault proxy to speak to; the message says what to do."""


class ControlRefused(Exception):
    """The request makes no sense to the fault proxy; the message says why."""


def find(root: Path, port_base: int | None) -> str:
    """The address of the fault proxy of the copy that runs, or of the one on `port_base`; raises `CanNotRun`."""
    data = folder(root, port_base)
    try:
        processes = json.loads((data / FILE).read_text("utf-8"))
    except (OSError, ValueError):
        processes = {}
    if DRILLS_NAME not in processes:
        raise CanNotRun(_without_drills(data))
    return f"http://127.0.0.1:{processes[DRILLS_NAME]['port']}"


def key_here(root: Path, port_base: int | None) -> str:
    """The key of the same copy, with which marks are minted; one in the environment takes precedence. Raises
    `CanNotRun`."""
    if given := os.environ.get(PARTITION_KEY):
        return given
    data = folder(root, port_base)
    key = key_of(data)
    if not key:
        raise CanNotRun(_without_drills(data))
    return key


def folder(root: Path, port_base: int | None) -> Path:
    bases = running(root)
    if port_base is not None and port_base not in bases:
        there = ", ".join(map(str, bases)) or "none"
        raise CanNotRun(f"No Mullion runs on port base {port_base}; running: {there}.")
    if not bases:
        raise CanNotRun("No Mullion runs here. Start one with: manage.py up --drills")
    if port_base is None and len(bases) > 1:
        raise CanNotRun(f"Several copies run: {', '.join(map(str, bases))}. Say which: --port-base {bases[0]}")
    return root / str(bases[0] if port_base is None else port_base)


def _without_drills(data: Path) -> str:
    return f"Mullion runs on port base {data.name} without drills. Stop it, and start it with: manage.py up --drills"


class Control:
    """`with Control(url) as control: control.break_("shell:promotions", "latency", {"latency": 3000}, ttl_s=30)`.

    Its methods raise `CanNotRun` if the proxy does not answer, and `ControlRefused` if it refuses.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        # To read the machine's certificates takes longer than all that is asked here.
        self._http = httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False, verify=url.startswith("https:"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._http.close()

    def hops(self) -> dict[str, dict[str, Any]]:
        """Every proxy by its name, as the API shows it."""
        found: dict[str, dict[str, Any]] = self._request("GET", "/proxies")
        return found

    def absent(self) -> dict[str, str]:
        """Calls that have no hop and so can not be broken, with the reason."""
        found: dict[str, str] = self._request("GET", "/absent")
        return found

    def hop(self, name: str) -> dict[str, Any]:
        """The hop called `name`, which may be written `a->b`; raises `ControlRefused` with the nearest name."""
        name = name.replace("->", ":").replace("→", ":")
        hops, absent = self.hops(), self.absent()
        if name in hops:
            return hops[name]
        if name in absent:
            raise ControlRefused(f"{name} can not be broken: {absent[name]}.")
        near = difflib.get_close_matches(name, hops, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ControlRefused(f"There is no hop '{name}'.{hint} All of them: manage.py drill hops")

    def break_(
        self,
        hop: str,
        fault: str,
        attributes: Mapping[str, str | int],
        *,
        ttl_s: float,
        stream: str = "",
        share: float = 1,
        session: str = "",
    ) -> dict[str, Any]:
        """Break `hop`; the same fault, if active, is replaced. Returns the toxic, or the proxy if it was taken down."""
        proxy, kind = self.hop(hop), fault_of(fault)
        path = f"/proxies/{proxy['name']}"
        if not applies(kind, tuple(proxy["speaks"])):
            raise ControlRefused(f"{fault} breaks {kind.layer.value}, but {proxy['name']} carries {_words(proxy)}.")
        if kind.layer is Layer.LISTENER:
            if attributes or share < 1 or session or stream:
                raise ControlRefused(f"{fault} hits everybody, in both directions, and takes no option but --for.")
            return dict(self._request("PATCH", path, {"enabled": False, "ttl_s": ttl_s}))
        stream = stream or kind.streams[0]
        # Faults of several testers, and of everybody, can be active at once: so the mark is part of the name.
        mark = f"_{hashlib.blake2s(session.encode(), digest_size=4).hexdigest()}" if session else ""
        name = f"{fault}_{stream}{mark}"
        body = {
            "type": fault,
            "name": name,
            "stream": stream,
            "toxicity": share,
            "session": session,
            "attributes": dict(attributes),
            "ttl_s": ttl_s,
        }
        if any(each["name"] == name for each in proxy["toxics"]):
            self._request("DELETE", f"{path}/toxics/{name}")
        return dict(self._request("POST", f"{path}/toxics", body))

    def heal(self, hop: str = "", *, session: str | None = None) -> list[str]:
        """Heal `hop`, or everything; returns what was broken, in words. With `session` heals only the faults of that
        mark at `hop`; with an empty one only those of everybody."""
        healed = [self.hop(hop)] if hop else list(self.hops().values())
        if session is not None:
            healed = [_narrowed(proxy, session) for proxy in healed]
        broken = [f"{proxy['name']} {fault}" for proxy in healed for fault in _broken(proxy)]
        if not hop:
            self._request("POST", "/reset")
            return broken
        path = f"/proxies/{healed[0]['name']}"
        for toxic in healed[0]["toxics"]:
            self._request("DELETE", f"{path}/toxics/{toxic['name']}", missing_is_fine=True)
        if not healed[0]["enabled"]:
            self._request("PATCH", path, {"enabled": True})
        return broken

    def toxics(self, hop: str) -> list[dict[str, Any]]:
        """The active and the last ended toxics of `hop`, oldest first, with how many requests or connections each
        hit."""
        path = f"/proxies/{hop}"
        # In this order no toxic that ends meanwhile is missed; one that is in both lists has ended.
        found = {each["number"]: each for each in self._request("GET", f"{path}/toxics")}
        found |= {each["number"]: each for each in self._request("GET", f"{path}/ended")}
        return [found[number] for number in sorted(found)]

    def _request(self, method: str, path: str, body: object = None, *, missing_is_fine: bool = False) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise CanNotRun(f"The fault proxy at {self.url} does not answer ({type(error).__name__}).") from error
        try:
            answered = answer.json() if answer.content else None
        except ValueError as error:
            raise CanNotRun(f"{self.url} answers, but is not a fault proxy.") from error
        if answer.is_error and not (missing_is_fine and answer.status_code == 404):
            words = answered.get("error", answer.text) if isinstance(answered, dict) else answer.text
            raise ControlRefused(str(words).removeprefix("bad request body: ").removeprefix("attributes: "))
        return answered


def _narrowed(proxy: Mapping[str, Any], session: str) -> dict[str, Any]:
    toxics = [each for each in proxy["toxics"] if each["session"] == session]
    return {**proxy, "toxics": toxics, "enabled": proxy["enabled"] or bool(session)}


def _broken(proxy: Mapping[str, Any]) -> list[str]:
    return [each["type"] for each in proxy["toxics"]] + ([] if proxy["enabled"] else ["down"])


def _words(proxy: Mapping[str, Any]) -> str:
    return " and ".join(proxy["speaks"])
