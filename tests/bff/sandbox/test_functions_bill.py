"""The bill of a day with a final in it, from a platform's measurements."""

import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from bff.resilience.policies import house_policy
from bff.sandbox.functions.__main__ import main
from bff.sandbox.functions.bill import Bill
from bff.sandbox.functions.day import DayPolicy, Measured, PricePolicy, bill_of, requests_a_second
from tests.support.mullion import ROOT

pytestmark = pytest.mark.quick

MEASURED = Measured(request_ms=10, cold_ms=1000, cpu_ms=1, memory_mb=512, idle_s=60)
FLAT = DayPolicy(night_rps=10, evening_rps=10, final_rps=0)


def test_bill_of_a_flat_day_is_what_a_person_works_out() -> None:
    """864,000 requests of 10 ms at half a gigabyte, and one start for each environment."""
    bill = bill_of(MEASURED, FLAT, PricePolicy(million_requests=1, gb_second=0.001, cpu_hour=1, gb_hour=2))
    assert (bill.requests, bill.cold_starts, bill.environments_max) == (864_000, 2, 2)
    assert bill.billed_ms == 8_640_000 + 2000
    assert bill.gb_seconds == pytest.approx(4321)
    assert bill.functions_usd == pytest.approx(0.864 + 4.321)
    assert (bill.servers, bill.servers_gb_seconds, bill.servers_usd) == (1, 43_200, 48)
    assert bill.busy_share == pytest.approx(0.01)


def test_final_is_paid_for_by_servers_all_day_and_by_functions_while_it_lasts() -> None:
    day = DayPolicy()
    assert requests_a_second(20 * 3600 + 60, day) == pytest.approx(1540, abs=1)
    assert requests_a_second(20 * 3600 - 300, day) == pytest.approx(790, abs=2), "they come within ten minutes"
    assert requests_a_second(8 * 3600, day) == pytest.approx(2)
    bill = bill_of(MEASURED, day, PricePolicy())
    usual = bill_of(MEASURED, DayPolicy(final_rps=0), PricePolicy())
    assert bill.servers > usual.servers
    assert bill.environments_max > 5 * usual.environments_max
    assert usual.gb_seconds < bill.gb_seconds < usual.gb_seconds + 1540 * 140 * 60 * 0.01 * 0.5 + 100


def test_bill_of_a_platform_tells_loading_from_requests() -> None:
    bill = Bill(512)
    assert (bill.request_ms, bill.cold_ms) == (0, 0)
    bill.count(10, 1000)
    bill.count(20)
    assert (bill.request_ms, bill.cold_ms) == (15, 1000)


class Platform(BaseHTTPRequestHandler):
    """Answers `body`."""

    body = b""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/control/bill" else 404)
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def platform() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Platform) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


def test_bill_is_printed_from_what_was_measured(platform: str) -> None:
    """With its prices named for what they are; what can not be is a sentence."""
    Platform.body = b'{"requests": 9, "request_ms": 14.5, "cold_ms": 900.0, "throttled": 0}'
    printed = main(["--platform", platform])
    for words in ("takes 14.5 ms", "a start 900 ms", "GB-seconds", "US dollars a day", "prices are examples"):
        assert words in printed
    for body, sentence in (
        (b'{"requests": 0, "request_ms": 0, "cold_ms": 0}', "has served no request yet"),
        (b'{"requests": 1}', "says no bill"),
        (b'{"requests": 1, "request_ms": 5, "cold_ms": 0}', "more than 0"),
    ):
        Platform.body = body
        with pytest.raises(SystemExit, match=sentence):
            main(["--platform", platform])
    with pytest.raises(SystemExit, match="is no address"):
        main(["--platform", "file:///etc"])
    assert "takes 7.0 ms" in main(["--request-ms", "7"])


def test_help_says_that_the_prices_are_examples_and_shows_how_to_set_ones_own(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it shows is taken as it stands, and changes the bill."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    shown = capsys.readouterr().out
    assert (ended.value.code, "The prices are examples." in shown) == (0, True)
    [policies] = re.findall(r"HOUSE_POLICIES='(.+?)'", shown, re.DOTALL)
    monkeypatch.setenv("HOUSE_POLICIES", policies)
    assert house_policy("sandbox-functions-prices", PricePolicy()) != PricePolicy()
    examples = main([])
    monkeypatch.setenv("HOUSE_POLICIES", policies.replace("0.00002", "0.002"))
    assert main([]) != examples


def test_bill_of_the_book_is_what_is_printed() -> None:
    """Each row of its table is a row of the command's."""
    book = (ROOT / "bff" / "sandbox" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| (requests|GB-seconds|at most at once|busy) \| (.+) \| (.+) \|$", book, re.MULTILINE)
    printed = [re.split(r" {2,}", line) for line in main([]).splitlines()]
    assert len(rows) == 4
    for name, functions, servers in rows:
        assert [name, functions, servers.replace(" %", "%")] in printed
