"""All proxies of this process, by name.

Public: `Proxies`, `PROXIES_MAX`.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.drills.proxy import problems, toxic
from tests.drills.proxy.faults import SPEAKS
from tests.drills.proxy.problems import ApiProblem
from tests.drills.proxy.proxy import LOOPBACK, FaultProxy, place
from tests.drills.proxy.toxic import NAME

PROXIES_MAX = 256


class Proxies:
    """Methods that start a listener are `async`; they refuse with `ApiProblem`."""

    def __init__(self) -> None:
        self._by_name: dict[str, FaultProxy] = {}

    def __iter__(self) -> Iterator[FaultProxy]:
        return iter(tuple(self._by_name.values()))

    def get(self, name: str) -> FaultProxy:
        if name not in self._by_name:
            near = difflib.get_close_matches(name, self._by_name, n=1)
            raise problems.proxy_not_found(name[:128], f"; did you mean {near[0]!r}?" if near else "")
        return self._by_name[name]

    async def create(self, body: object, now: float, *, fixed: bool = False) -> FaultProxy:
        """The proxy that `body` describes, listening; raises `ApiProblem`."""
        if not isinstance(body, dict):
            raise problems.bad_body("a JSON object is wanted")
        proxy = _proxy(body, fixed)
        if proxy.name in self._by_name:
            raise problems.proxy_exists(proxy.name)
        if len(self._by_name) >= PROXIES_MAX:
            raise problems.bad_body(f"there are {PROXIES_MAX} proxies already")
        if body.get("enabled", True):
            await proxy.enable()
        else:
            proxy.disable(now + toxic.life_s(body))
        self._by_name[proxy.name] = proxy
        return proxy

    async def populate(self, body: object, now: float) -> list[FaultProxy]:
        """Create these. A proxy that already is as described stays; one that differs is replaced."""
        if not isinstance(body, list):
            raise problems.bad_body("a list of proxies is wanted")
        made = []
        for each in body:
            standing = self._by_name.get(str(each.get("name"))) if isinstance(each, dict) else None
            if standing is not None and (standing.listen, standing.upstream) == _wanted_addresses(each, standing):
                if each.get("enabled", True):
                    await standing.enable()
                made.append(standing)
                continue
            if standing is not None:
                self.delete(standing.name)
            made.append(await self.create(each, now))
        return made

    async def update(self, name: str, body: object, now: float) -> FaultProxy:
        """Enable, disable or move a proxy."""
        proxy = self.get(name)
        if not isinstance(body, dict):
            raise problems.bad_body("a JSON object is wanted")
        enabled = body.get("enabled", proxy.enabled)
        if not isinstance(enabled, bool):
            raise problems.bad_body("enabled: true or false")
        ttl_s = toxic.life_s(body)
        if _wanted_addresses(body, proxy) != (proxy.listen, proxy.upstream):
            self.delete(name)
            moved = await self.create({"name": name, "listen": proxy.listen, "upstream": proxy.upstream, **body}, now)
            moved.set_toxics(proxy.toxics)
            return moved
        if enabled:
            await proxy.enable()
        else:
            proxy.disable(now + ttl_s)
        return proxy

    def delete(self, name: str) -> None:
        proxy = self.get(name)
        if proxy.fixed:
            raise ApiProblem(f"proxy is a hop of the system: {name!r} can be disabled, not moved or removed", 409)
        proxy.disable()
        del self._by_name[name]

    async def reset(self) -> None:
        """Heal everything."""
        for proxy in self:
            proxy.clear()
            await proxy.enable()

    async def expire(self, now: float) -> list[ApiProblem]:
        """Heal what has expired; what could not be healed is tried again at the next call."""
        problems = []
        for proxy in self:
            try:
                await proxy.expire(now)
            except ApiProblem as problem:
                problems.append(problem)
        return problems

    def close(self) -> None:
        """Close every listener."""
        for proxy in self:
            proxy.disable()


def _wanted_addresses(body: Mapping[str, Any], proxy: FaultProxy) -> tuple[str, str]:
    listen, upstream = body.get("listen", proxy.listen), body.get("upstream", proxy.upstream)
    if not isinstance(listen, str) or not isinstance(upstream, str):
        raise problems.bad_body("listen and upstream: host:port")
    host, port = place(listen, "listen")
    return f"{LOOPBACK.get(host, host)}:{port}", upstream


def _proxy(body: Mapping[str, Any], fixed: bool) -> FaultProxy:
    name, upstream, listen = body.get("name"), body.get("upstream"), body.get("listen") or "127.0.0.1:0"
    for field, value in (("name", name), ("upstream", upstream)):
        if not value:
            raise problems.missing_field(field)
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise problems.bad_body("name: letters, digits, dots, colons and dashes, at most 128")
    if not isinstance(upstream, str) or not isinstance(listen, str):
        raise problems.bad_body("listen and upstream: host:port")
    speaks = body.get("speaks") or []
    if not isinstance(speaks, list) or not all(each in SPEAKS for each in speaks):
        raise problems.bad_body(f"speaks: a list of {', '.join(SPEAKS)}")
    return FaultProxy(name, listen, upstream, speaks=tuple(speaks), fixed=fixed)
