"""Every fragment as a function, called through the platforms' own clients."""

import json
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
    version = json.loads((ROOT / "fragments" / room / "manifest.json").read_text("utf-8"))["version"]
    assert answer["headers"]["podlet-version"].startswith(f"{version}+")
    assert answer["headers"]["content-type"] == "text/html; charset=utf-8"
    assert words in answer["body"]


def test_functions_framework_serves_the_same_application(bff: FakeBff) -> None:
    """functions-framework serves several requests, a 404 stays a 404, and the manifest declares a function."""
    port = free_port()
    command = [sys.executable, "-m", "functions_framework", "--port", str(port), "--host", "127.0.0.1"]
    source = ["--source", "fragments/live_dealer/function.py"]
    environ = {"PYTHONPATH": str(ROOT), "FUNCTION_TARGET": "http", **environment(bff)}
    process = subprocess.Popen([*command, *source], cwd=ROOT, env=environ)
    try:
        assert is_function(fetch(f"http://127.0.0.1:{port}/manifest.json"))
        for path in ("/grid", "/grid/roulette"):
            assert "Harbour Roulette" in fetch(f"http://127.0.0.1:{port}{path}")
        with pytest.raises(urllib.error.HTTPError, match="404"):
            fetch(f"http://127.0.0.1:{port}/grid/poker")
    finally:
        process.terminate()
        process.wait(10)


@pytest.mark.parametrize(
    ("room", "name", "path", "words"), [CASES[0], *(pytest.param(*each, marks=pytest.mark.full) for each in CASES[1:])]
)
def test_container_on_the_given_port_is_a_function_to_knative_and_cloud_run(
    bff: FakeBff, room: str, name: str, path: str, words: str
) -> None:
    """The image's own command, with `PORT` and `K_SERVICE` as those platforms set them."""
    image = (ROOT / "fragments" / room / "Dockerfile").read_text("utf-8")
    command = json.loads(image.rpartition("\nCMD ")[2])
    port = free_port()
    environ = {"PYTHONPATH": str(ROOT), "PROCESS_NAME": name, "PORT": str(port), "K_SERVICE": name, **environment(bff)}
    process = subprocess.Popen([sys.executable, *command[1:]], cwd=ROOT, env=environ)
    try:
        manifest = fetch(f"http://127.0.0.1:{port}/manifest.json")
        assert is_function(manifest)
        address = f"http://127.0.0.1:{port}{path}"
        sent = {"authorization": bearer(name), "podium-locale": "en-GB"}
        assert words in fetch(urllib.request.Request(address, headers=sent))
    finally:
        process.terminate()
        assert process.wait(20) in (0, -15), "a platform ends what it does not need"


def is_function(manifest: str) -> bool:
    return bool(json.loads(manifest)["mullion"]["kind"] == "function")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(url: str | urllib.request.Request, ready_s_max: float = 20) -> str:
    """The body at `url`; waits until a server listens there."""
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
