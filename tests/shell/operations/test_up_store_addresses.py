"""Before `up` starts anything it connects to the server of `REDIS_URL`, also over Sentinels and in a cluster."""

import asyncio

import pytest

from shell.operations.up.preflight import PreflightFailed, services_answer
from tests.support.redis_nodes import redis_node, texts

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("url", "why"),
    [
        (
            "sentinel://me:hunter2@127.0.0.1:1,127.0.0.1:2/players",
            "answer: 127.0.0.1:1,127.0.0.1:2/players (nobody says",
        ),
        ("cluster://:hunter2@127.0.0.1:1", "REDIS_URL does not answer: 127.0.0.1:1 (nobody says"),
        ("sentinel://me:hunter2@127.0.0.1:1", "the primary's name is missing"),
    ],
)
def test_nobody_who_names_the_primary_is_said_without_the_password(url: str, why: str) -> None:
    with pytest.raises(PreflightFailed) as refused:
        services_answer({"REDIS_URL": url})
    assert why in str(refused.value)
    assert "hunter2" not in str(refused.value)


async def test_primary_that_a_sentinel_names_is_good_enough() -> None:
    def server(words: list[str]) -> bytes:
        return {"PING": b"+PONG\r\n", "ROLE": texts("master")}.get(words[0], b"+OK\r\n")

    async with (
        redis_node(server) as port,
        redis_node(lambda words: texts("127.0.0.1", str(port))) as sentinel,
    ):
        await asyncio.to_thread(services_answer, {"REDIS_URL": f"sentinel://127.0.0.1:{sentinel}/players"})
