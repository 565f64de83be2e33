"""A client of the fault proxy's HTTP API that needs nothing else of this repository.

Public: `DrillClient`, `DrillProblem`, `hop_of`, `attributes_of`.
"""

from collections.abc import Mapping
from typing import Any

import httpx

PATIENCE_S = 5.0
# The attribute that a single value of a fault sets; for all others it is the attribute with the fault's name.
SCALARS = {
    "bandwidth": "rate",
    "slow_close": "delay",
    "slow_first_byte": "delay",
    "limit_data": "bytes",
    "reset_peer": "timeout",
    "slicer": "average_size",
    "truncated": "bytes",
    "unavailable": "retry_after",
    "throttled": "retry_after",
    "malformed": "how",
    "oversize": "how",
    "redirect": "to",
    "wrong_type": "content_type",
    "stale_clock": "seconds",
    "gap": "every",
    "duplicate": "copies",
    "duplicate_event": "copies",
    "reorder": "window",
    "flood": "rate",
    "close_code": "code",
}
Value = int | str | bool | Mapping[str, int | str]


class DrillProblem(Exception):
    """The outage could not be made; the message says why."""


def hop_of(name: str) -> str:
    """`promotions` means the hop from the shell to it; `wallet:bff-queries` and `a->b` are hops already."""
    name = name.replace("->", ":")
    return name if ":" in name else f"shell:{name}"


def attributes_of(fault: str, value: Value) -> dict[str, int | str]:
    """`latency=3000` is `{"latency": 3000}`; with True the proxy's defaults are used."""
    if isinstance(value, Mapping):
        return dict(value)
    return {} if value is True else {SCALARS.get(fault, fault): value}


class DrillClient:
    """`DrillClient("http://127.0.0.1:8061").break_("shell:promotions", "latency", {"latency": 3000}, for_s=30)`."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        # Loading the machine's certificates would take longer than all requests here.
        self._http = httpx.Client(
            base_url=self.url, timeout=PATIENCE_S, trust_env=False, verify=self.url.startswith("https:")
        )

    def close(self) -> None:
        self._http.close()

    def break_(
        self, hop: str, fault: str, attributes: Mapping[str, int | str], *, for_s: float, session: str = ""
    ) -> str:
        """Sets the fault; returns the toxic's name, empty for `down`. Raises `DrillProblem`."""
        if fault == "down":
            self._request("PATCH", f"/proxies/{hop}", {"enabled": False, "ttl_s": for_s})
            return ""
        name = f"{fault}_pytest{'_session' if session else ''}"
        self.heal(hop, name)
        body = {"type": fault, "name": name, "attributes": dict(attributes), "session": session, "ttl_s": for_s}
        self._request("POST", f"/proxies/{hop}/toxics", body)
        return name

    def heal(self, hop: str, toxic: str = "") -> None:
        """Removes the toxic, or without a name enables the hop again. It is no error if the fault has ended already."""
        if toxic:
            self._request("DELETE", f"/proxies/{hop}/toxics/{toxic}", gone_is_fine=True)
        else:
            self._request("PATCH", f"/proxies/{hop}", {"enabled": True})

    def _request(self, method: str, path: str, body: object = None, *, gone_is_fine: bool = False) -> Any:
        try:
            answer = self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise DrillProblem(f"The fault proxy at {self.url} does not answer ({type(error).__name__}).") from error
        if answer.is_error and not (gone_is_fine and answer.status_code == httpx.codes.NOT_FOUND):
            raise DrillProblem(f"The fault proxy refuses: {_reason(answer)}")
        return answer


def _reason(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} {answer.text[:200]}"
