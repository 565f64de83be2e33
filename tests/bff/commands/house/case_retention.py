"""How long rows are kept, tested on both sides of each limit; and the content of a backup that is made while commands
go on."""

import gzip
import json
import threading
from collections import defaultdict
from datetime import timedelta

from django.db import connection

from bff.commands.ledger import backup
from bff.commands.ledger.models import OutboxRow, ProviderRequest, Receipt
from bff.commands.relay import steps
from tests.bff.commands.house.case_play import Table, now, uuid


def forget(at):
    while steps.prune(at):
        pass


def test_an_answer_can_be_asked_for_by_its_key_for_four_months():
    """On day 121 the key is there, on day 123 it is not; what is pending, and what is given once, keeps it."""
    tables = {name: Table() for name in ("kept", "gone", "pending", "once")}
    ages = {"kept": 121, "gone": 123, "pending": 400, "once": 400}
    for name, table in tables.items():
        command, state = (
            ("opening", "done") if name == "once" else ("deposit", "pending" if name == "pending" else "done")
        )
        at = now() - timedelta(days=ages[name])
        Receipt.objects.filter(player_id=table.player).update(command=command, state=state, at=at)
    forget(now())
    keys = {name: Receipt.objects.get(player_id=table.player).key for name, table in tables.items()}
    assert keys == {"kept": "opening", "gone": None, "pending": "opening", "once": "opening"}
    Receipt.objects.filter(player_id__in=[each.player for each in tables.values()]).update(
        command="opening", state="done"
    )


def test_events_are_kept_for_a_week_after_they_went_out():
    """After six days and 23 hours an event is there, after seven days and an hour it is not; what waits stays."""
    published = {"kept": timedelta(days=6, hours=23), "gone": timedelta(days=7, hours=1), "waiting": None}
    tables = {name: Table() for name in published}
    for name, age in published.items():
        row = OutboxRow.objects.filter(aggregate=f"player:{tables[name].player}")
        row.update(at=now() - timedelta(days=30), published_at=age and now() - age, position=1 if age else None)
    forget(now())
    left = {
        name for name, each in tables.items() if OutboxRow.objects.filter(aggregate=f"player:{each.player}").exists()
    }
    assert left == {"kept", "waiting"}


def test_requests_are_kept_longer_than_their_signatures_hold():
    """After 59 minutes a request is known, after 61 it is not; a signature is refused after five."""
    table, younger, older = Table(), uuid(), uuid()
    for request, minutes in ((younger, 59), (older, 61)):
        table.bet(100, request=request)
        ProviderRequest.objects.filter(request_uuid=request).update(at=now() - timedelta(minutes=minutes))
    forget(now())
    assert [each.request_uuid for each in ProviderRequest.objects.filter(request_uuid__in=(younger, older))] == [
        younger
    ]


def test_a_copy_made_while_commands_go_on_is_one_moment(tmp_path):
    """Bets are placed before each part of it: none of them is in the copy, and all that is agrees with itself."""
    table, placed, totals = Table(1_000_000), [], []

    def bet():
        placed.append(table.bet(10, transaction=uuid()).status)
        connection.close()

    def elsewhere(_rows):
        if len(placed) < 20:
            thread = threading.Thread(target=bet)
            thread.start()
            thread.join()

    def starting(total):
        totals.append(total)
        elsewhere(0)
        return elsewhere

    table.bet(10)
    rows = backup.back_up(tmp_path / "copy.gz", starting)
    assert (rows, len(placed) > 3) == (totals[0], True)
    tables = defaultdict(list)
    for line in gzip.decompress((tmp_path / "copy.gz").read_bytes()).splitlines():
        record = json.loads(line)
        if "table" in record:
            tables[record["table"]].append(record["row"])
    assert [row["amount_minor"] for row in tables["GameTransaction"] if row["player_id"] == table.player] == [10]
    sums, balances = defaultdict(int), defaultdict(int)
    for entry in tables["Entry"]:
        sums[entry["transaction_id"]] += entry["amount_minor"]
        balances[entry["account_id"]] += entry["amount_minor"]
    assert set(sums.values()) == {0}
    assert set(sums) == {row["transaction_id"] for row in tables["Transaction"]}
    assert all(row["balance_minor"] in (None, balances[row["id"]]) for row in tables["Account"])
    assert table.account("real") == 1_000_000 - 10 - 10 * len(placed)
