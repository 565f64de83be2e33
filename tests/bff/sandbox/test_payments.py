"""The sandbox's payments provider, with a journal on disk and a webhook that may fail."""

import asyncio
import hashlib
import hmac
import time

import httpx
import msgspec
import pytest

from bff.sandbox.payments import webhook
from bff.sandbox.payments.charges import Charges
from bff.sandbox.payments.server import PaymentsProvider

SECRET = "shared"


class Hook:
    """The receiver of the webhook: what came, and what to answer."""

    def __init__(self):
        self.events = []
        self.status = 204
        self.url = ""

    async def serve(self, reader, writer):
        head = await reader.readuntil(b"\r\n\r\n")
        headers = dict(line.decode().lower().split(": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
        body = await reader.readexactly(int(headers["content-length"]))
        if self.status == 204:
            self.events.append((headers["payments-signature"], body))
        writer.write(f"HTTP/1.1 {self.status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


@pytest.fixture
async def hook():
    receiver = Hook()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhooks/payments"
    yield receiver
    server.close()


class Running:
    def __init__(self, provider):
        self.provider = provider
        self.client = httpx.AsyncClient(transport=httpx.ASGITransport(app=provider), base_url="http://payments")

    async def charge(self, amount_minor, key="k", reference="r", **more):
        body = {"reference": reference, "amount_minor": amount_minor, "currency": "EUR"} | more
        return await self.client.post("/v1/charges", json=body, headers={"Idempotency-Key": key})

    async def stop(self):
        await self.client.aclose()
        await self.provider.stopped()


@pytest.fixture
async def start(tmp_path, hook):
    running = []

    def begin(seed="seed"):
        journal = Charges(tmp_path / "payments.jsonl")
        running.append(Running(PaymentsProvider(seed, journal, hook.url, SECRET)))
        return running[-1]

    yield begin
    for one in running:
        await one.stop()


async def until(condition, within_s=30.0):
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        await asyncio.sleep(0.02)


async def test_same_key_charges_once_and_another_body_is_refused(start):
    """A repeated call is answered from what is known, and a reused key is a mistake."""
    payments = start()
    first, again = await payments.charge(1000), await payments.charge(1000)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert (await payments.charge(1001)).status_code == 422
    assert (await payments.client.post("/v1/charges", json={})).status_code == 400
    listed = await payments.client.get("/v1/charges", params={"reference": "r"})
    assert listed.json()["charges"] == [first.json()]


async def test_fifty_at_once_under_one_key_charge_once(start):
    """Parallel repeats meet one charge."""
    payments = start()
    await asyncio.gather(*(payments.charge(1000) for _ in range(50)))
    listed = await payments.client.get("/v1/charges", params={"reference": "r"})
    assert len(listed.json()["charges"]) == 1


@pytest.mark.parametrize(
    ("amount_minor", "status", "reason"),
    [(1000, "approved", None), (1013, "declined", "insufficient_funds"), (1055, "processing", None)],
)
async def test_amount_decides(start, amount_minor, status, reason):
    """Whoever needs a decline asks for an amount that is declined."""
    answer = (await start().charge(amount_minor)).json()
    assert (answer["status"], answer.get("decline_reason")) == (status, reason)


@pytest.mark.parametrize(
    "wrong",
    [{"amount_minor": 0}, {"amount_minor": "5"}, {"amount_minor": True}, {"currency": "XYZ"}, {"reference": ""}],
)
async def test_invalid_charge_is_refused_by_field(start, wrong):
    """The provider says which field it did not take."""
    answer = await start().charge(**{"amount_minor": 100} | wrong)
    assert answer.status_code == 422
    assert list(answer.json()["fields"]) == list(wrong)


async def test_webhook_is_signed_and_repeated_until_heard(start, hook, monkeypatch):
    """A listener that is away loses nothing."""
    monkeypatch.setattr(webhook, "RETRY_S", 0.05)
    hook.status = 503
    payments = start()
    charge = (await payments.charge(1000)).json()
    await asyncio.sleep(0.1)
    hook.status = 204
    await until(lambda: hook.events)
    signature, body = hook.events[0]
    stamp, digest = (part.split("=", 1)[1] for part in signature.split(","))
    assert digest == hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert abs(int(stamp) - time.time()) < 5
    assert (
        msgspec.json.decode(body)
        == {
            "event_id": f"ev_{charge['charge_id']}",
            "type": "charge.updated",
        }
        | charge
    )


async def test_webhook_can_come_twice_with_the_same_event(start, hook):
    """A duplicate is the same event, so that it can be recognised."""
    payments = start()
    await payments.client.post("/control/fault", json={"kind": "webhook_twice", "for_s": 600})
    await payments.charge(1000)
    await until(lambda: len(hook.events) == 2)
    assert hook.events[0][1] == hook.events[1][1]


async def test_restart_forgets_no_charge_and_finishes_what_was_open(start, hook):
    """A charge in processing when the provider is killed is decided after it is back."""
    payments = start()
    charge = (await payments.charge(1055)).json()
    await payments.stop()
    again = start()
    listed = await again.client.get("/v1/charges", params={"reference": "r"})
    assert listed.json()["charges"] == [charge]
    assert (await again.charge(1055)).status_code == 200
    await until(lambda: hook.events)
    assert msgspec.json.decode(hook.events[0][1])["status"] == "approved"


def test_half_a_line_in_the_journal_is_dropped(tmp_path):
    """A kill in mid-write costs the line that nobody was told of, not the journal."""
    path = tmp_path / "payments.jsonl"
    path.write_bytes(b'{"delivered":"ch_000001"}\n{"charge":{"charge_id":"ch_0')
    charges = Charges(path)
    assert len(charges) == 0
    charges.delivered("ch_000002")
    charges.close()
    assert path.read_bytes() == b'{"delivered":"ch_000001"}\n{"delivered":"ch_000002"}\n'


async def test_down_provider_says_so_in_its_health_and_can_be_mended(start):
    """While it is down everything is 503, the control endpoints apart."""
    payments = start()
    await payments.client.post("/control/fault", json={"kind": "down", "for_s": 600})
    assert (await payments.client.get("/healthz")).status_code == 503
    assert (await payments.charge(1000)).status_code == 503
    await payments.client.post("/control/fault", json={"kind": "none", "for_s": 1})
    assert (await payments.client.get("/healthz")).status_code == 200
