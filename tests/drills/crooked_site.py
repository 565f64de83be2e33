"""A small site of three slots behind a fault proxy, without a defect or with one that a drill has to find.

Public: `CrookedSite`, `DEFECTS`.
"""

import json
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs

from tests.support import plain_http

DEADLINE_S = 0.3
DEFECTS = ("", "no-deadline", "no-fallback", "word", "slow-heal", "double", "unsteady")


class CrookedSite:
    """`with CrookedSite(proxy_url) as site: site.url`. Its promotions come over the proxy's hop `shell:promotions`.

    `no-deadline` waits for promotions as long as they take; `no-fallback` leaves the slot out; `word` changes one word
    of a sibling meanwhile; `slow-heal` shows the fallback for `heals_s` longer; `double` books each deposit twice; with
    `unsteady` the wallet is never fresh. `keys` and `cookies` are those of the forms that were sent.
    """

    def __init__(self, proxy_url: str, defect: str = "", heals_s: float = 3.0) -> None:
        self.defect, self.heals_s = defect, heals_s
        self.balance_minor, self.lines, self.broken_at = 10_000, 1, float("-inf")
        self.keys: list[str] = []
        self.cookies: list[str] = []
        self._proxy_url = proxy_url
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        upstream = self.url.removeprefix("http://")
        made = plain_http.post(
            f"{self._proxy_url}/proxies", json={"name": "shell:promotions", "upstream": upstream, "speaks": ["http"]}
        )
        self._hop = f"http://{made.json()['listen']}"
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _trace: TracebackType | None
    ) -> None:
        plain_http.delete(f"{self._proxy_url}/proxies/shell:promotions")
        self._server.shutdown()
        self._server.server_close()

    # --- pages

    def lobby(self) -> str:
        state, reason, words = self._promotions()
        hit = state != "fresh"
        if hit:
            self.broken_at = time.monotonic()
        elif self.defect == "slow-heal" and time.monotonic() - self.broken_at < self.heals_s:
            state, reason, words = "fallback", "breaker_open", "Offers are out of reach"
        wallet = "stale" if self.defect == "unsteady" else "fresh"
        slots = [
            _slot("wallet", wallet, "", "Balance 125"),
            _slot("tables", "fresh", "", "Iris deals" if hit and self.defect == "word" else "Teo deals"),
        ]
        if not (hit and self.defect == "no-fallback"):
            slots.append(_slot("promotions", state, reason, words))
        return _page(*slots)

    def cashier(self) -> str:
        balance = f'<i data-live-refetch="wallet.pl_a#balances.real_minor" data-live-value="{self.balance_minor}"></i>'
        return _page(_slot("cashier", "fresh", "", f"{balance} Amount in EUR"))

    def history(self) -> str:
        return _page(_slot("history", "fresh", "", f'<a>All <span class="count">{self.lines}</span></a>'))

    def deposit(self, amount: str) -> None:
        times = 2 if self.defect == "double" else 1
        self.balance_minor += times * int(amount) * 100
        self.lines += times

    def _promotions(self) -> tuple[str, str, str]:
        deadline_s = 30 if self.defect == "no-deadline" else DEADLINE_S
        try:
            with urllib.request.urlopen(f"{self._hop}/offers", timeout=deadline_s) as answer:
                return "fresh", "", str(json.loads(answer.read())["words"])
        except TimeoutError:
            return "fallback", "timeout", "Offers are out of reach"
        except (OSError, ValueError):
            return "fallback", "cut", "Offers are out of reach"


def _slot(name: str, state: str, reason: str, words: str) -> str:
    return f'<fragment-slot slot="{name}" data-state="{state}" data-reason="{reason}">{words}</fragment-slot>'


def _page(*slots: str) -> str:
    return f"<!doctype html><html><body>{''.join(slots)}</body></html>"


def _handler(site: CrookedSite) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            pages = {"/": site.lobby, "/cashier/": site.cashier, "/history/": site.history}
            if self.path == "/favicon.ico":
                self._send(204, "")
            elif self.path == "/offers":
                self._send(200, json.dumps({"words": "8 offers run"}))
            elif page := pages.get(self.path):
                self._send(200, page())
            else:
                self._send(404, "")

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            site.deposit(form["amount"][0])
            site.keys += form["idempotency_key"]
            site.cookies.append(self.headers.get("Cookie", ""))
            self._send(303, "", Location="/cashier/?cashier.receipt=rc_1")

        def _send(self, status: int, text: str, **headers: str) -> None:
            body = text.encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body)), "Content-Type": "text/html"}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
