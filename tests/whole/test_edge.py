"""The edge of the operators' book caches visitors' pages: one request a second reaches the shell, with the
real nginx."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.support import plain_http
from tests.support.debian import find_program
from tests.support.free_ports import free_port_base
from tests.support.lobby import wait_for
from tests.support.mullion import ROOT, Mullion
from tests.support.signed_in import signed_in

BOOK = ROOT / "shell" / "operations" / "README.md"
CONFIG = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream shell {{ server {shell}; keepalive 8; }}
    {http}
    server {{
        listen 127.0.0.1:{port};
        proxy_set_header Host $host;
        {server}
    }}
}}
"""
# Fast enough for a hundred answers in three seconds, and no load.
PAUSE_S = 0.02
FETCHED = re.compile(r'^mullion_pages_total\{page="lobby",status="200"\} ([\d.]+)', re.MULTILINE)


def of_the_book() -> tuple[str, str]:
    """The book's nginx configuration, for `http` and for `server`."""
    [snippet] = re.findall(r"```nginx\n(.*?)```", BOOK.read_text("utf-8"), re.DOTALL)
    http, server = snippet.split("# server\n")
    return http, server


@pytest.fixture
def edge(house: Mullion, tmp_path: Path) -> Iterator[str]:
    program = find_program("nginx")
    http, server = of_the_book()
    port = free_port_base()
    config = CONFIG.format(
        folder=tmp_path,
        shell=house.url.removeprefix("http://").replace("localhost", "127.0.0.1"),
        port=port,
        http=http.replace("/var/cache/nginx/pages", str(tmp_path / "pages")),
        server=server,
    )
    (tmp_path / "nginx.conf").write_text(config)
    process = subprocess.Popen([program, "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)])
    url = f"http://localhost:{port}"
    try:
        wait_for(lambda: process.poll() is not None or stands(url))
        yield url
    finally:
        process.terminate()
        process.wait(30)


def stands(url: str) -> bool:
    try:
        return plain_http.get(f"{url}/healthz").status_code == 200
    except httpx.TransportError:
        return False


def fetched(house: Mullion) -> float:
    """How many lobbies the shell has rendered."""
    found = FETCHED.search(plain_http.get(f"{house.inner_url}/metrics").text)
    return float(found[1]) if found else 0.0


def test_one_fetch_a_second_reaches_the_shell(edge: str, house: Mullion) -> None:
    """However many visitors there are; telephones have a page of their own, and a player's page is never cached."""
    before, began, answers = fetched(house), time.monotonic(), 0
    with closing(plain_http.Client(base_url=edge, timeout=30)) as visitor:
        while answers < 100 or time.monotonic() - began < 3:
            answer = visitor.get("/")
            assert answer.status_code == 200
            assert "set-cookie" not in answer.headers
            visitor.cookies.clear()
            answers += 1
            time.sleep(PAUSE_S)
    reached, lasted_s = fetched(house) - before, time.monotonic() - began
    assert 2 <= reached <= lasted_s + 2
    wait_for(lambda: plain_http.get(edge).headers["x-cache"] in ("HIT", "STALE", "UPDATING"))
    assert plain_http.get(edge, headers={"user-agent": "A Mobile"}).headers["x-cache"] == "MISS"
    cookies = signed_in(house.url)
    for _ in range(2):
        mine = plain_http.get(edge, cookies=cookies)
        assert "x-cache" not in mine.headers
        assert mine.headers["cache-control"] == "private, no-store"
        assert "Sign out" in mine.text
    assert "Sign out" not in plain_http.get(edge).text
