"""Forms that leave their idempotency key to the shell: each gets its own, without serialising the body again."""

import re

import pytest

from bff.contracts.idempotency import is_form_key
from shell.composition.contain import container
from shell.composition.form_keys import with_form_keys
from tests.origin.server import Seen
from tests.support.shell_page import Trio, element

pytestmark = pytest.mark.quick

KEY = re.compile(rb'<input type="hidden" name="idempotency_key" value="([^"]*)">')
FORM = b'<form method="post" action="/slots/lobby/wallet/actions/%b"><input type="hidden" name="idempotency_key" value="%b"><button>Go</button></form>'  # noqa: E501
RENDERINGS = 5


@pytest.mark.parametrize("isolation", ["shadow", "light"])
async def test_body_is_contained_once_for_many_renderings_and_each_form_has_a_new_key(
    isolation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A form that is sent twice from one page is one command, and from two pages it is two."""
    contained: list[bytes] = []
    contain = container._contain

    def counted(body: bytes, *more: object) -> object:
        contained.append(body)
        return contain(body, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(container, "_contain", counted)
    async with Trio(extension={"isolation": isolation, "deadline_ms": 5_000}, page_deadline_ms=20_000) as trio:
        body = b"<h2>Wallet %b</h2>" % isolation.encode() + FORM % (b"deposit", b"") + FORM % (b"withdraw", b"")
        trio.origins["wallet"].write = lambda _: body
        slots = [element(await trio.page(trio.visit("pl_one")), "wallet") for _ in range(RENDERINGS)]
    assert contained.count(body) == 1
    keys = [key.decode() for slot in slots for key in KEY.findall(slot)]
    assert len(set(keys)) == 2 * RENDERINGS
    assert all(map(is_form_key, keys))


async def test_fragment_is_told_who_fills_in_the_keys() -> None:
    """So that one behind another layout, or an older shell, writes them itself."""
    async with Trio(extension={"deadline_ms": 5_000}, page_deadline_ms=20_000) as trio:
        requests: list[Seen] = []
        origin = trio.origins["wallet"]
        origin.write = lambda seen: requests.append(seen) or b"<p>Wallet</p>"  # type: ignore[func-returns-value]
        await trio.page()
    assert {seen.headers.get("mullion-form-keys") for seen in requests} == {"shell"}


def test_key_of_a_form_that_has_one_stays() -> None:
    """It is the one to send again; so does what is written like a form and is none."""
    held = FORM % (b"deposit", b"0123456789abcdef")
    assert with_form_keys(held) is held
    text = b'<p>&lt;input type="hidden" name="idempotency_key" value=""&gt;</p>'
    assert with_form_keys(text) is text
    both = with_form_keys(held + FORM % (b"withdraw", b""))
    assert both.startswith(held)
    assert b'value=""' not in both
