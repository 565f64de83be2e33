"""Text at the border: control characters and lone surrogates are refused on every wire, at its door."""

import json
import re
import string
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bff.contracts import bets, games, seamless, text, wallet
from bff.contracts.manifest import ManifestRefused, parse
from bff.contracts.problem import PROBLEM_TYPE, read_problem
from bff.feeds.reading import text_of
from bff.live import wire
from bff.sandbox.http import HttpRequest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
CONTROLS = [chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))]
controls = st.sampled_from(CONTROLS)
plain = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
)


@given(values, st.booleans())
def test_plain_json_is_read_as_it_is(value, ascii_only):
    """Escapes, backslashes before a `u`, every script and any shape: what holds no control character is taken."""
    assert text.decode(json.dumps(value, ensure_ascii=ascii_only).encode(), object) == value


@given(values, values, plain, plain, controls, st.booleans(), st.booleans())
def test_json_with_a_control_character_anywhere_is_refused(before, after, left, right, control, as_name, ascii_only):
    """In a value or in a name, however deep, escaped or as it is."""
    spoilt = left + control + right
    body = json.dumps([before, {spoilt: 1} if as_name else {"x": [spoilt]}, after], ensure_ascii=ascii_only)
    with pytest.raises(text.TextRefused):
        text.decode(body.encode(), object)
    assert text.is_plain(left + right)
    assert not text.is_plain(spoilt)


@pytest.mark.parametrize(
    "body", [b'{"a":"\\ud800"}', b'{"a":"\\udc00\\ud800"}', b'{"a":"\xff"}', b'{"x":"\xed\xa0\x80"}', b"[" * 15_000]
)
def test_what_is_no_text_is_one_typed_refusal(body):
    """Lone surrogates, broken UTF-8 (in a field that nobody reads, too) and bottomless nesting."""
    with pytest.raises(msgspec.DecodeError):
        text.decode(body, seamless.BalanceRequest)


# A sample of each body that comes from outside, with the type that decodes it.
BODIES = {
    wallet.Deposit: {"amount_minor": 1, "currency": "EUR"},
    wallet.ClaimPromotion: {"promotion_id": "p1"},
    wallet.Withdraw: {"amount_minor": 1, "currency": "EUR"},
    wallet.CancelWithdrawal: {"receipt_id": "rc_1"},
    wallet.SetDepositLimit: {"period": "day", "amount_minor": 1, "currency": "EUR"},
    wallet.SelfExclude: {"days": 1},
    games.SetFavourite: {"game_id": "lantern:lw_00001", "favourite": True},
    games.LaunchGame: {"game_id": "lantern:lw_00001"},
    wallet.CloseKey: {"sent_at": "2026-01-01T00:00:00Z"},
    seamless.BalanceRequest: {"request_uuid": "r" * 8, "token": "t", "game_code": "g"},
    seamless.BetRequest: {
        "request_uuid": "r" * 8, "transaction_uuid": "t" * 8, "token": "t", "game_code": "g", "round": "r1",
        "currency": "EUR", "amount": 1, "game_kind": "slots",
    },
    seamless.WinRequest: {
        "request_uuid": "r" * 8, "transaction_uuid": "t" * 8, "reference_transaction_uuid": "b" * 8, "token": "t",
        "game_code": "g", "round": "r1", "currency": "EUR", "amount": 1,
    },
    seamless.RollbackRequest: {
        "request_uuid": "r" * 8, "transaction_uuid": "t" * 8, "reference_transaction_uuid": "b" * 8, "token": "t",
        "game_code": "g", "round": "r1",
    },
    seamless.WalletAnswer: {"status": "RS_OK", "request_uuid": "r", "user": "pl_1", "currency": "EUR"},
    bets.PlaceBet: {
        "game": "201", "side": "red", "amount_minor": 1, "currency": "EUR", "closes_at": "2026-01-01T00:00:00Z",
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", BODIES, ids=lambda kind: kind.__name__)
def test_every_field_of_every_body_refuses_control_characters(kind):
    """The sample is read; with any control character in any of its strings, or in one more, it is not."""
    sample = BODIES[kind]
    assert isinstance(text.decode(json.dumps(sample).encode(), kind), kind)
    for field in (*(name for name, value in sample.items() if isinstance(value, str)), "unheard_of"):
        for control in CONTROLS:
            spoilt = {**sample, field: f"{sample.get(field, '')}{control}"}
            with pytest.raises(msgspec.DecodeError):
                text.decode(json.dumps(spoilt).encode(), kind)


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
def test_doors_that_read_json_refuse_it_in_their_own_words(control):
    """A page on its socket, a manifest, a problem, a sandbox's caller: each has its typed refusal."""
    with pytest.raises(wire.Malformed):
        wire.read(json.dumps({"subscribe": [f"tables.{control}"]}))
    with pytest.raises(ManifestRefused):
        parse(json.dumps({"name": "a", "version": "1", "content": "/", "fallback": f"/{control}"}).encode())
    assert read_problem(PROBLEM_TYPE, json.dumps({"status": 400, "title": control, "code": "x"}).encode()) is None
    with pytest.raises(ValueError, match="control character"):
        HttpRequest("POST", "/control", {}, {}, json.dumps({"kind": control}).encode()).json()
    with pytest.raises(text.TextRefused):
        text.check_fields({"currency": f"EUR{control}"})


# Code that decodes JSON without `text.decode` reads this house's own data, or checks each field itself.
OWN_WORDS = {
    "bff/broker/port.py": "events, whose strings were checked when the engine or a feed took them",
    "bff/commands/ledger/backup.py": "a copy of our own, mended row by row when it is restored",
    "bff/commands/ledger/partition_epochs.py": "its own row",
    "bff/commands/relay/partition_ends.py": "its own row",
    "bff/commands/relay/steps.py": "the outbox",
    "bff/contracts/manifest.py": "the names of keys in a manifest that was just read and checked",
    "bff/live/hub.py": "revocations of the shell",
    "bff/live/settings.py": "an operator's setting",
    "bff/live/wire.py": "live messages of the query store, passed on unread",
    "bff/queries/projections/comparison.py": "the query store",
    "bff/queries/projections/wallets.py": "the query store",
    "bff/resilience/overrides.py": "an operator's setting",
    "bff/resilience/serving.py": "an operator's setting",
    "bff/sandbox/payments/charges.py": "its own journal",
    "bff/sandbox/tables/book.py": "its own journal",
    "bff/store/records.py": "the query store",
    "bff/store/rows.py": "the query store",
    "bff/store/subscription.py": "the query store",
    "fragments/kit/bff.py": "views and receipts of the BFF, which may be older than this rule",
    "fragments/kit/house.py": "a file of the release",
    "fragments/kit/pathnames.py": "an operator's setting",
    "shell/fleet/evidence.py": "other processes of the shell",
    "shell/operations/workbench/fixtures.py": "views that a fragment's author wrote, beside the fragment",
    "bff/sandbox/functions/__main__.py": "what a platform of this machine measured",
    "bff/sandbox/functions/runtime_api.py": "what a function of this machine answered, in the cloud's place",
    "shell/registry/page_revisions.py": "its own rows, which were read by their type before they were stored",
    "fragments/cli/pages.py": "a file of whoever runs the command; the shell reads it",
    "shell/operations/local_registry.py": "its own rows, written a line before",
    "shell/operations/up/keys.py": "its own file",
    "shell/operations/up/prepare.py": "its parent process",
    "shell/operations/up/running.py": "its own file",
    "shell/players/identity.py": "a cookie that the shell has signed",
    "shell/players/revocation.py": "other processes of the shell",
    "shell/registry/history.py": "a manifest that was checked when it was published",
}
_READS_JSON = re.compile(r"\bjson\.(?:decode|loads?|Decoder)\(")


def test_nobody_reads_json_from_outside_another_way():
    """A file that decodes JSON by itself stands in the list above with its reason."""
    reading = {
        str(path.relative_to(ROOT))
        for house in ("bff", "fragments", "shell")
        for path in (ROOT / house).rglob("*.py")
        if _READS_JSON.search(path.read_text())
    }
    assert reading - {"bff/contracts/text.py"} <= set(OWN_WORDS)


def test_copies_of_older_ledgers_are_mended_where_no_database_could_hold_them():
    """In every string of a row, names and nested values too; everything else stays as it is."""
    row = {"round": "r\x00", "data": {"a\x85": ["\ud800", 1, None, string.printable[:62]]}, "at": None}
    assert text.mended(row) == {
        "round": "r\ufffd", "data": {"a\ufffd": ["\ufffd", 1, None, string.printable[:62]]}, "at": None,
    }  # fmt: skip


def test_feeds_keep_no_control_character():
    """A feed is read tolerantly: the text that is kept of it has been cleaned."""
    for control in CONTROLS:
        assert text.is_plain(text_of(f"Harbour{control} Roulette", "tableName", chars_max=64))


TWO_THREADS = """
import sys, threading, msgspec
from bff.contracts import text
sys.setswitchinterval(1e-6)

def look(kind, meeting):
    meeting.wait()
    text.decode(b'{"slots": {"a": {"fragment": "b"}}, "after": [1, 2]}', kind)

for number in range(int(sys.argv[1])):
    slot = msgspec.defstruct("Slot", [("fragment", str), ("query", tuple[str, ...], ())])
    kind = msgspec.defstruct("Page", [("slots", dict[str, slot]), ("after", list[int] | None)])
    meeting = threading.Barrier(2)
    threads = [threading.Thread(target=look, args=(kind, meeting)) for _ in range(2)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
"""


def test_two_threads_that_read_the_first_of_its_kind_end_no_process() -> None:
    """A type that both look at for the first time is looked at by one of them: two crash the interpreter."""
    run = subprocess.run([sys.executable, "-c", TWO_THREADS, "150"], capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr[-2000:]
