"""The breakable origin behaves as its switches say."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from bff.contracts import manifest, podium_url
from tests.origin.control import Control
from tests.origin.faults import FAULTS, parse
from tests.origin.server import Origin

ROOT = Path(__file__).parents[3]
HOME = ROOT / "tests" / "origin"


@pytest.fixture
async def origin() -> AsyncIterator[Origin]:
    async with Origin() as origin:
        yield origin


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        yield client


def test_every_fault_is_documented() -> None:
    """A switch that is missing from the README is a switch that nobody turns."""
    text = (HOME / "README.md").read_text()
    for fault in FAULTS.values():
        written = f"`{fault.name}={fault.default}`" if fault.default else f"`{fault.name}`"
        assert written in text
        assert all(argument in text for argument in fault.arguments)
        assert fault.claim


def test_a_switch_that_is_not_known_says_what_is() -> None:
    """A name, an argument or a number that can not be is refused with what could."""
    assert str(parse("status=503")) == "status=503"
    assert str(parse(" silence ")) == "silence"
    assert str(parse("slow")) == "slow=700"
    for text, says in (
        ("nonsense", "there are: "),
        ("status=999", "takes one of: 500, "),
        ("silence=1", "takes no argument"),
        ("slow=long", "takes a number"),
    ):
        with pytest.raises(ValueError, match=says):
            parse(text)


async def test_healthy_it_is_a_podlet(origin: Origin, client: httpx.AsyncClient) -> None:
    """Its manifest is a good one, and what the manifest names is there."""
    described = manifest.parse((await client.get(origin.url + "/manifest.json")).content)
    urls = [described.content, described.fallback, *(each.value for each in described.css)]
    for url in urls:
        assert (await client.get(podium_url.resolve(origin.url + "/manifest.json", url))).status_code == 200
    assert (await client.get(origin.url + "/any?path=1")).content == origin.body


@pytest.mark.parametrize("kind", ["malformed", "missing-name", "wrong-type", "too-large"])
async def test_an_odd_manifest_is_refused_by_its_field(origin: Origin, client: httpx.AsyncClient, kind: str) -> None:
    """What a reader of manifests must refuse; the content goes on."""
    await origin.fail(f"odd-manifest={kind}", at="/manifest.json")
    with pytest.raises(manifest.ManifestRefused):
        manifest.parse((await client.get(origin.url + "/manifest.json")).content)
    assert (await client.get(origin.url)).status_code == 200


@pytest.mark.parametrize("kind", ["later-contract", "changing"])
async def test_an_odd_manifest_may_be_readable(origin: Origin, client: httpx.AsyncClient, kind: str) -> None:
    """A later contract and a version that always changes are for the shell to judge."""
    await origin.fail(f"odd-manifest={kind}", at="/manifest.json")
    read = [manifest.parse((await client.get(origin.url + "/manifest.json")).content) for _ in range(2)]
    assert (read[0] != read[1]) == (kind == "changing")
    assert (read[0].mullion.contract == 2) == (kind == "later-contract")


@pytest.mark.parametrize("fault", ["slow=10", "gzip", "changing-version", "error-page", "json", "no-content-type"])
async def test_what_is_whole_but_odd_arrives(origin: Origin, client: httpx.AsyncClient, fault: str) -> None:
    """These are answers that a transport lets through; what to think of them is the shell's to say."""
    await origin.fail(fault)
    answers = [await client.get(origin.url) for _ in range(2)]
    assert {answer.status_code for answer in answers} == {200}
    assert ("content-type" in answers[0].headers) == (fault != "no-content-type")
    versions = [answer.headers.get("podlet-version") for answer in answers]
    assert (versions[0] != versions[1]) == (fault == "changing-version")
    assert (versions[0] is None) == (fault in ("error-page", "json", "no-content-type"))


async def test_a_flapping_origin_is_well_half_of_the_time(origin: Origin, client: httpx.AsyncClient) -> None:
    """Up and down in turn."""
    await origin.fail("flapping=50")
    seen = []
    for _ in range(40):
        seen.append((await client.get(origin.url)).status_code)
        await asyncio.sleep(0.01)
    assert set(seen) == {200, 503}


@pytest.mark.parametrize("kind", ["invalid-utf8", "utf-16", "nul"])
async def test_bad_text_is_no_utf_8_html(origin: Origin, client: httpx.AsyncClient, kind: str) -> None:
    """It says UTF-8, and is not, or holds NULs."""
    await origin.fail(f"bad-text={kind}")
    answer = await client.get(origin.url)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    if kind == "nul":
        assert b"\0" in answer.content
    else:
        with pytest.raises(UnicodeDecodeError):
            answer.content.decode()


async def test_the_same_port_refuses_and_accepts_again(origin: Origin, client: httpx.AsyncClient) -> None:
    """Refused, dropped, healed: the address stays, and no old connection hides the fault."""
    url = origin.url
    assert (await client.get(url)).status_code == 200
    await origin.fail("refused")
    with pytest.raises(httpx.ConnectError):
        await client.get(url)
    await origin.fail("black-hole")
    with pytest.raises(httpx.ConnectTimeout):
        await client.get(url, timeout=0.1)
    await origin.heal()
    assert (await client.get(url)).status_code == 200
    assert origin.url == url


async def test_switches_turn_from_outside(origin: Origin, client: httpx.AsyncClient) -> None:
    """Break, look, roll back, and replace the content over HTTP; a mistake gets a sentence."""
    async with Control(origin) as control:
        state = (await client.put(control.url + "/fault?at=/style.css", content="status=503")).json()
        assert (state["fault"], state["at"]) == ("status=503", "/style.css")
        assert (await client.get(origin.url + "/style.css")).status_code == 503
        assert (await client.get(origin.url)).status_code == 200
        assert (await client.get(control.url)).json()["requests"] == 2
        refused = await client.put(control.url + "/fault", content="nonsense")
        assert refused.status_code == 422
        assert "there is no fault 'nonsense'" in refused.json()["problem"]
        assert (await client.delete(control.url + "/fault")).json()["fault"] is None
        await client.put(control.url + "/body", content=b"<p>other</p>")
        assert (await client.get(origin.url + "/style.css")).status_code == 200
        assert (await client.get(origin.url)).text == "<p>other</p>"
        assert (await client.get(control.url + "/else")).status_code == 404


async def test_it_counts_what_came(origin: Origin, client: httpx.AsyncClient) -> None:
    """Requests with their headers and bodies, and how many at once."""
    await origin.fail("slow=50")
    await asyncio.gather(*(client.post(origin.url + "/act", content=b"a=1") for _ in range(5)))
    assert (origin.requests, origin.in_flight, origin.in_flight_max) == (5, 0, 5)
    assert {(seen.method, seen.path, seen.body) for seen in origin.seen} == {("POST", "/act", b"a=1")}


async def test_the_command_line_starts_it_and_sigterm_ends_it(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """It prints where it answers and where its switches are, serves the file it was given, and ends cleanly."""
    body = tmp_path / "slot.html"
    body.write_text("<p>mine</p>")
    command = (sys.executable, "-m", "tests.origin", "--fault", "status=404", "--at", "/gone", "--body", str(body))
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        origin = (await process.stdout.readline()).decode().split()[1]
        control = (await process.stdout.readline()).decode().split()[1]
        assert (await client.get(origin)).text == "<p>mine</p>"
        assert (await client.get(origin + "/gone")).status_code == 404
        assert (await client.get(control)).json()["fault"] == "status=404"
    finally:
        process.terminate()
        code = await process.wait()
    assert code == 0


@pytest.mark.parametrize(
    ("arguments", "says"), [(["--fault", "nonsense"], "there is no fault 'nonsense'"), (["--help"], "short-body")]
)
def test_the_command_line_explains_itself(arguments: list[str], says: str) -> None:
    """An unknown fault is one sentence with what there is; the help lists every fault."""
    command = [sys.executable, "-m", "tests.origin", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)
    assert says in ended.stdout + ended.stderr
    assert "Traceback" not in ended.stderr


def test_its_manifest_is_json_that_a_podium_layout_reads() -> None:
    """Exactly Podium's fields, and ours under one key."""
    from tests.origin.publishing import manifest as described

    fields: dict[str, Any] = json.loads(msgspec.json.encode(described(audience="shared")))
    assert set(fields) == {"name", "version", "content", "fallback", "css", "js", "proxy", "mullion"}
