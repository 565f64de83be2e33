"""Hostile values in every field and path of a request with a valid token are refused, and nothing of them is stored."""

import json
from typing import Any

import pytest
from django.conf import settings
from django.test import AsyncClient
from structlog.testing import capture_logs

from shell.registry import models
from shell.registry.tokens import Purpose, token_within
from tests.origin.server import Origin
from tests.shell.registry.test_registry_api import OPERATIONS, ask, made, publish, throttle

pytestmark = pytest.mark.django_db(transaction=True)
__all__ = ["throttle"]
ESCAPED = ("\x00", "\x1b[2J", "\x7f", "\u0085", "a\nb")


async def send(path: str, token: str, body: bytes, method: str = "POST") -> Any:
    """Sends the request; an exception becomes the 500 that a client would get."""
    client = AsyncClient(raise_request_exception=False)
    return await client.generic(
        method,
        f"/registry/v1{path}",
        body,
        content_type="application/json",
        headers={"Authorization": f"Bearer {token}"},
    )


async def stored() -> list[tuple[str, str]]:
    """The lines of the audit, without those for making tokens."""
    rows = models.AuditEntry.objects.exclude(action="token_made").order_by("pk")
    return [(row.action, row.detail) async for row in rows]


@pytest.mark.parametrize("odd", ESCAPED)
async def test_control_character_is_refused_in_every_field_and_address(odd: str) -> None:
    """SQLite would store it, PostgreSQL would fail, and a line of the audit would be split."""
    token = await made(Purpose.OPERATE)
    fields = {
        "hold": "reason",
        "rollback": "to",
        "canary": "release",
        "preview": "release",
        "releases": "manifest_url",
        "waivers": "rule",
        "tokens": "name",
    }
    for verb, field in fields.items():
        answer = await send(f"/fragments/origin/{verb}", token, json.dumps({field: f"x{odd}"}).encode())
        assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json"), verb
        assert "control character" in answer.json()["detail"]
    percent = "".join(f"%{byte:02X}" for byte in odd.encode())
    for path in (f"/fragments/ori{percent}gin", f"/fragments/origin/diff?before={percent}&after=1"):
        answer = await send(path, token, b"", "GET")
        assert (answer.status_code, "control character" in answer.json()["detail"]) == (400, True), path
    assert await stored() == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[" * 200_000, 400),
        (b'{"to":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400),
        (b'{"to": "\xff"}', 400),
        (b'{"to": "\\ud800"}', 400),
        ('{"to": "1"}'.encode("utf-16"), 400),
        (b"{", 400),
        (b"[]", 400),
        (b'{"to": NaN}', 400),
        (b'{"to": "' + b"a" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1) + b'"}', 413),
        (b'{"to": ["1.0.0"]}', 422),
        (b'{"to": "' + b"a" * 5000 + b'"}', 422),
        (b"null", 400),
    ],
    ids=lambda value: str(value[:12]) if isinstance(value, bytes) else str(value),
)
async def test_malformed_body_is_a_problem_and_changes_nothing(body: bytes, status: int) -> None:
    """Deeply nested, oversized and malformed JSON, and a page's document that is too large."""
    answer = await send("/fragments/origin/rollback", await made(Purpose.PUBLISH), body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert "othing was done" in answer.json()["detail"]
    if status == 413:
        page = await send("/pages/origin/revisions", await made(Purpose.PUBLISH, "page:origin"), body)
        assert page.status_code == 413
    assert await stored() == []


async def test_token_outside_its_header_is_refused_by_name_and_stands_in_no_log() -> None:
    """Proxies may have logged such an address, so the message says to revoke the token."""
    held = await made(Purpose.OPERATE)
    other = await made(Purpose.READ, "wallet")
    prefix = token_within(held)
    secret = held.partition(f"{prefix}_")[2]
    with capture_logs() as logs:
        answers = [
            await send(f"/fragments/{held}", other, b"", "GET"),
            await send(f"/fragments/{held}", "nobody", b"", "GET"),
            await send(f"/fragments?token={held}", "nobody", b"", "GET"),
            await send("/fragments/origin/hold", held, json.dumps({"reason": f"see {held}"}).encode()),
        ]
    assert [answer.status_code for answer in answers] == [400] * 4
    sentences = "".join(answer.content.decode() for answer in answers)
    assert prefix in sentences
    assert secret not in sentences
    assert secret not in str(logs)
    assert await stored() == []


async def test_name_that_looks_like_a_teams_own_is_another() -> None:
    """Names are compared exactly, so a token for one name is refused for names that look alike."""
    token = await made(Purpose.OPERATE)
    for name in ("ORIGIN", "origin%20", "or%C4%B1gin", "%EF%BD%8Frigin", "origin%E2%80%8B", "origin%2F..%2Forigin"):
        for method, path in (("GET", "/fragments/{}"), ("POST", "/fragments/{}/hold"), ("GET", "/fragments/{}/tokens")):
            answer = await ask(method, path.format(name), token, {"reason": "x"})
            assert answer.status_code in (400, 403, 404), (method, path, name)
    assert not await models.AuditEntry.objects.filter(changes_pages=True).aexists()


async def test_page_is_no_fragment_and_its_token_changes_nothing_there() -> None:
    """Not even a row that is never read is written."""
    token = await made(Purpose.OPERATE, "page:origin")
    for method, path, _ in OPERATIONS:
        answer = await ask(method, path.format("page:origin"), token)
        assert (answer.status_code, "is a page" in answer.json()["detail"]) == (404, True), (method, path)
    assert await stored() == []


async def test_names_of_other_teams_are_no_answer_to_a_team() -> None:
    """Only the command on the shell's machine lists the names that there are."""
    async with Origin(name="promotions") as rival:
        await publish(rival, await made(Purpose.PUBLISH, "promotions"), "promotions")
    token = await made(Purpose.OPERATE, "poll")
    for method, path, _ in OPERATIONS:
        answer = await ask(method, path.format("poll"), token, {"reason": "x"} if method == "POST" else None)
        assert "promotions" not in answer.content.decode(), (method, path)
