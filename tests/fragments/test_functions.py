"""Every fragment as a function, called by the platforms' own clients."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fragments_fake_bff import FakeBff, reply, view
from tests.support.fragments_games import games_data
from tests.support.fragments_house import PUBLIC_KEY, bearer
from tests.support.fragments_runtime_api import get_event, invoke
from tests.support.fragments_samples import offers, tables, wallet_data

ROOT = Path(__file__).parents[2]
CASES = [
    ("wallet", "wallet", "/summary", "€1,284"),
    ("live_dealer", "live-dealer", "/grid", "Harbour Roulette"),
    ("promotions", "promotions", "/offers", "Rainy Day Reload"),
    ("games", "games", "/catalogue", "Lantern Falls"),
]


@pytest.fixture(scope="module")
def bff() -> Iterator[FakeBff]:
    with FakeBff() as fake:
        fake.replies["/views/wallet"] = reply(view(wallet_data()))
        fake.replies["/views/tables"] = reply(view({"tables": tables()}))
        fake.replies["/views/promotions"] = reply(view(offers()))
        fake.replies["/views/games"] = reply(view(games_data()))
        yield fake


def environment(bff: FakeBff) -> dict[str, str]:
    return {
        "PLAYER_CONTEXT_PUBLIC_KEY": PUBLIC_KEY,
        "BFF_QUERIES_URL": bff.url,
        "BFF_COMMANDS_URL": bff.url,
    }


@pytest.mark.parametrize(("room", "name", "path", "words"), CASES)
def test_lambda_answers_what_the_server_answers(bff: FakeBff, room: str, name: str, path: str, words: str) -> None:
    """AWS's runtime client gets the fragment's HTML, its version and its status."""
    event = get_event(path, {"authorization": bearer(name), "podium-locale": "en-GB"})
    answer = invoke(f"fragments.{room}.function.handler", event, environment(bff))
    assert answer["statusCode"] == 200
    assert answer["headers"]["podlet-version"].startswith("1.")
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    assert words in answer["body"]


def test_functions_framework_serves_the_same_application(bff: FakeBff) -> None:
    """functions-framework calls the fragment request after request, and a 404 stays a 404."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "functions_framework", "--target", "http", "--port", str(port), "--host"]
    source = ["127.0.0.1", "--source", "fragments/live_dealer/function.py"]
    process = subprocess.Popen([*command, *source], cwd=ROOT, env={"PYTHONPATH": str(ROOT), **environment(bff)})
    try:
        for path in ("/grid", "/grid/roulette"):
            assert "Harbour Roulette" in fetch(f"http://127.0.0.1:{port}{path}")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"http://127.0.0.1:{port}/grid/poker")
    finally:
        process.terminate()
        process.wait(10)


def fetch(url: str, ready_s_max: float = 20) -> str:
    """The body at `url`, waited for while nothing listens there."""
    started = time.monotonic()
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                return str(response.read().decode())
        except urllib.error.HTTPError:
            raise
        except OSError:
            if time.monotonic() - started > ready_s_max:
                raise
            time.sleep(0.1)
