"""The function platform, with AWS's own runtime client in each environment."""

import asyncio
import base64
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from bff.sandbox.clock import SandboxClock
from bff.sandbox.functions.bill import Bill
from bff.sandbox.functions.event import AnswerBroken, FunctionRequest, answer_of, event_of
from bff.sandbox.functions.policy import FUNCTIONS, FunctionsPolicy
from bff.sandbox.functions.pool import Pool
from bff.sandbox.functions.server import FunctionPlatform

HANDLER = "tests.support.sample_function.handler"
POLICY = replace(FUNCTIONS, environments_max=2, idle_s=1.0, timeout_s=1.0, init_s_max=30.0)


class Running:
    """One platform, called as a server would call it."""

    def __init__(self, policy: FunctionsPolicy = POLICY, handler: str = HANDLER) -> None:
        environ = {**os.environ, "PORT": "1", "FUNCTION_HANDLER": handler}
        self.pool = Pool(handler, policy, environ)
        self.platform: Any = FunctionPlatform("sample", self.pool, SandboxClock())
        self.client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.platform), base_url="http://function.test", timeout=40
        )

    async def aclose(self) -> None:
        await self.client.aclose()
        await self.platform._stop()


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    made = Running()
    yield made
    await made.aclose()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (processes end by themselves, and tell nobody here)
            await asyncio.sleep(0.02)


async def statuses(*requests: Awaitable[httpx.Response]) -> list[int]:
    return sorted(answer.status_code for answer in await asyncio.gather(*requests))


async def test_request_starts_an_environment_that_serves_the_next_and_goes_when_nobody_asks(running: Running) -> None:
    """Scale to zero: what was idle for a second is gone, and the next request is cold again."""
    headers = [("cookie", "a=1; b=2"), ("x-many", "1"), ("x-many", "2")]
    first = await running.client.post("/bets?side=red&side=black", content=b"\x00\xff", headers=headers)
    second = await running.client.get("/again")
    assert (first.status_code, first.json()["calls"], second.json()["calls"]) == (200, 1, 2)
    event = first.json()["event"]
    assert (event["rawPath"], event["rawQueryString"]) == ("/bets", "side=red&side=black")
    assert event["requestContext"]["requestId"] != second.json()["event"]["requestContext"]["requestId"]
    assert (event["cookies"], event["headers"]["x-many"]) == (["a=1", "b=2"], "1,2")
    assert base64.b64decode(event["body"]) == b"\x00\xff"
    assert first.headers["set-cookie"] == "a=1"
    assert first.json()["own"] == [], "the platform's own place is nothing to a function"
    assert (running.pool.bill.requests, running.pool.bill.cold_starts) == (2, 1)
    await until(lambda: not running.pool.environments)
    assert (await running.client.get("/later")).json()["calls"] == 1
    assert running.pool.bill.cold_starts == 2
    assert running.pool.bill.billed_ms > 50, "loading is paid for too"


async def test_each_request_at_once_has_an_environment_and_one_too_many_is_told_to_come_back(running: Running) -> None:
    assert await statuses(*(running.client.get("/wait") for _ in range(3))) == [200, 200, 429]
    assert len(running.pool.environments) == 2
    assert running.pool.bill.throttled == 1
    page = (await running.client.get("/control/environments")).text
    assert "2 of 2 environments stand." in page
    assert "Refused</dt><dd>1</dd>" in page
    assert "Failed</dt><dd>0</dd>" in page


async def test_page_shows_environments_that_come_and_go(running: Running) -> None:
    """One that works or waits with its number, places that are free, and those that have ended."""
    empty = (await running.client.get("/control/environments")).text
    assert (empty.count('class="free"'), "Ended last" in empty) == (2, False)
    await running.client.get("/")
    one = (await running.client.get("/control/environments")).text
    assert '<li class="idle"><b>idle</b><span>No. 1, ' in one
    assert (one.count('class="free"'), "<span>1 request</span>" in one) == (1, True)
    await until(lambda: not running.pool.environments)
    gone = (await running.client.get("/control/environments")).text
    assert (gone.count('class="free"'), "<li>No. 1: 1 request in " in gone) == (2, True)
    running.pool.bill.reserved_s = 7260
    assert "<dd>121 min</dd>" in (await running.client.get("/control/environments")).text


@pytest.mark.parametrize(("path", "left"), [("/raise", 1), ("/nothing", 1), ("/exit", 0), ("/slow", 0)])
async def test_function_that_fails_is_a_502_and_harms_no_other_request(running: Running, path: str, left: int) -> None:
    """What raised goes on serving; a process that ended or hung is not asked again."""
    failed = await running.client.get(path)
    assert (failed.status_code, failed.text) == (502, "Internal Server Error")
    assert len(running.pool.environments) == left
    assert (await running.client.get("/next")).status_code == 200


async def test_faults_are_a_slow_start_a_crash_and_throttling_until_their_time_is_over(running: Running) -> None:
    async def fault(kind: str) -> None:
        await running.client.post("/control/fault", json={"kind": kind, "for_s": 600})

    await fault("throttle")
    refused = await running.client.get("/")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert not running.pool.environments
    await fault("cold")
    assert (await running.client.get("/")).status_code == 200
    [environment] = running.pool.environments
    assert environment.init_ms > FUNCTIONS.cold_ms
    assert (await running.client.get("/")).json()["calls"] == 2, "what woke stays awake"
    await fault("cold")
    assert (await running.client.get("/")).json()["calls"] == 1, "what idled when the fault began is gone"
    await fault("crash")
    assert (await running.client.get("/wait")).status_code == 502
    await fault("none")
    assert (await running.client.get("/")).status_code == 200


async def test_function_that_can_not_be_loaded_is_a_502_at_once() -> None:
    made = Running(handler="tests.support.no_such_module.handler")
    try:
        assert (await made.client.get("/")).status_code == 502
        assert not made.pool.environments
    finally:
        await made.aclose()


@pytest.mark.parametrize(
    "returned",
    [
        None,
        {"body": "x"},
        {"statusCode": "200"},
        {"statusCode": True},
        {"statusCode": 99},
        {"statusCode": 200, "headers": []},
        {"statusCode": 200, "body": {}},
        {"statusCode": 200, "body": "%", "isBase64Encoded": True},
    ],
)
def test_what_is_no_answer_is_told_apart(returned: Any) -> None:
    with pytest.raises(AnswerBroken):
        answer_of(returned)


def test_answer_may_be_bytes_and_does_not_speak_of_the_connection() -> None:
    body = base64.b64encode(b"\x89PNG").decode()
    found = answer_of(
        {"statusCode": 200, "headers": {"Content-Length": "9", "ETag": "a"}, "body": body, "isBase64Encoded": True}
    )
    assert (found.body, list(found.headers)) == (b"\x89PNG", [("etag", "a")])
    assert "body" not in event_of(FunctionRequest("GET", "/", "", [], b""), "1")


def test_bill_is_what_was_used_and_not_what_stood_there() -> None:
    bill = Bill(memory_mb=512)
    bill.count(10.2, init_ms=300)
    bill.count(9.9)
    assert (bill.requests, bill.cold_starts, bill.billed_ms) == (2, 1, 321)
    assert bill.gb_seconds == pytest.approx(0.1605)
    assert bill.gb_seconds_of_servers(3, 86_400) == 129_600


def test_numbers_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        FunctionsPolicy(environments_max=0)
