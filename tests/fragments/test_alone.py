"""Every fragment runs alone, with the files of its image and the packages of its extra, and nothing else of the
repository.
"""

import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bff.contracts import headers
from bff.contracts.view import View
from fragments.kit.house import load
from tests.support.fragments_fake_bff import BffRequest, FakeBff, Reply, reply, view
from tests.support.fragments_games import games_data
from tests.support.fragments_house import ROOT, Answer, Fragment, bearer
from tests.support.fragments_samples import offers, tables, wallet_data
from tests.support.image import image_of

OWN_ROOMS = {"bff/contracts", "bff/resilience", "fragments/kit"}
BFF_IS_LATE_S = 0.4
FOREIGN = ("redis", "channels", "turbohtml", "psycopg", "mangum", "playwright")
CASES = [
    ("wallet", "wallet", "/summary", "€1,284"),
    ("live_dealer", "live-dealer", "/grid", "Harbour Roulette"),
    ("promotions", "promotions", "/offers", "Rainy Day Reload"),
    ("games", "games", "/catalogue", "Lantern Falls"),
]


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command[0]} {command[1]}: {done.stderr[-2000:]}"
    return done.stdout


class Environments:
    """Fresh virtual environments with an extra's packages in the lock's versions; equal extras share one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Path] = {}

    def of(self, extra: str) -> Path:
        """The folder of the environment."""
        uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
        options = (
            "--frozen",
            "--quiet",
            "--no-dev",
            "--no-hashes",
            "--no-emit-project",
            "--no-annotate",
            "--no-header",
        )
        names = run(uv, "export", *options, "--extra", extra)
        if names not in self._made:
            folder = self._folder / extra
            run(uv, "venv", "--quiet", "--python", sys.executable, folder)
            wanted = folder / "requirements.txt"
            wanted.write_text(names)
            run(uv, "pip", "install", "--quiet", "--no-deps", "--python", folder / "bin/python", "-r", wanted)
            self._made[names] = folder
        return self._made[names]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    return Environments(tmp_path_factory.mktemp("environments"))


def views() -> dict[str, View[Any]]:
    data = {"wallet": wallet_data(), "tables": {"tables": tables()}, "promotions": offers(), "games": games_data()}
    return {name: view(each) for name, each in data.items()}


def make_late(bff: FakeBff) -> threading.Event:
    """Delays each view from here on; the event is set once one was requested."""
    arrived, prompt = threading.Event(), dict(bff.replies)

    def late(request: BffRequest) -> Reply:
        arrived.set()
        found = prompt[request.path]
        assert isinstance(found, Reply)
        return replace(found, delay_s=BFF_IS_LATE_S)

    bff.replies = dict.fromkeys(prompt, late)
    return arrived


def settled(fragment: Fragment, path: str, name: str) -> Answer:
    """The answer at `path` once the process is warm, as its first call to a BFF may be late on a busy machine."""
    for _ in range(20):
        answer = fragment.get(path, authorization=bearer(name), podium_locale="en-GB")
        if headers.STATE not in answer.headers:
            return answer
        time.sleep(0.25)
    return answer


@pytest.mark.parametrize(("room", "extra", "path", "words"), CASES)
def test_fragment_serves_with_the_rest_of_the_repository_absent(
    environments: Environments, tmp_path: Path, room: str, extra: str, path: str, words: str
) -> None:
    """With the files and the extra that its Dockerfile names, and its command: it is live and ready, renders its page,
    and after SIGTERM finishes the requests that it has.
    """
    image = image_of(room)
    image.write(tmp_path)
    environment = environments.of(image.extra)
    command = [str(environment / "bin/python"), *image.command[1:]]
    with FakeBff() as bff:
        bff.replies |= {f"/views/{name}": reply(body) for name, body in views().items()}
        with Fragment(room, bff.url, command=command, environ=image.environ, folder=tmp_path) as fragment:
            answer = settled(fragment, path, extra)
            assert (answer.status, words in answer.text) == (200, True), answer
            for at in ("/healthz", "/readyz", "/manifest.json"):
                assert fragment.get(at).status == 200, at

            arrived = make_late(bff)
            with ThreadPoolExecutor(1) as pool:
                before = pool.submit(fragment.get, path, authorization=bearer(extra), podium_locale="en-GB")
                assert arrived.wait(20)
                fragment.terminate()
                assert (before.result().status, words in before.result().text) == (200, True)
            assert fragment.wait() in (0, -signal.SIGTERM)
    installed = {entry.name.lower() for entry in environment.glob("lib/*/site-packages/*")}
    assert not installed & set(FOREIGN)


@pytest.mark.quick
@pytest.mark.parametrize("room", [room for room, *_ in CASES])
def test_image_holds_the_subtree_of_one_fragment(room: str) -> None:
    """It has the kit, the two leaf libraries and its own folder, an unprivileged user, and the port that a platform
    sets.
    """
    image = image_of(room)
    assert {source for source, _ in image.copies} == OWN_ROOMS | {f"fragments/{room}"}
    assert [each for each in image.copies if each[0] != each[1]] == []
    name = load(ROOT / "fragments" / room).name
    assert (image.extra, image.environ["PROCESS_NAME"]) == (name, name)
    assert image.environ.keys() >= {"HOST", "PORT"}
    assert re.search("^USER (?!root)", (ROOT / "fragments" / room / "Dockerfile").read_text("utf-8"), re.MULTILINE)
