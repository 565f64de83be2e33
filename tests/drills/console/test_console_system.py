"""The drawing as data: every process and hop is there, with what is known of it."""

from pathlib import Path

import httpx
import pytest

from tests.drills.console import fault_description, figures, watch
from tests.drills.console.causes import may_hit
from tests.drills.console.history import EVERYONE, History
from tests.drills.console.places import Places, Process
from tests.drills.console.sampler import Sample, Sampler, Source
from tests.drills.console.system import catalogue, system
from tests.drills.console.tester import SessionMark
from tests.drills.proxy.faults import Layer

METRICS = """\
# HELP mullion_breaker_position 1 at the breaker's position
# TYPE mullion_breaker_position gauge
mullion_breaker_position{position="closed",upstream="promotions"} 0.0
mullion_breaker_position{position="open",upstream="promotions"} 1.0
mullion_breaker_position{position="closed",upstream="payments"} 1.0
# TYPE mullion_pages_total counter
mullion_pages_total{page="lobby"} 3.0
"""
PROCESSES = (
    Process("shell", "shell", "http://in/shell/metrics"),
    Process("promotions", "promotions", "http://in/promotions/metrics"),
    Process("newcomer", "newcomer", "http://in/newcomer/metrics"),
    Process("sandbox-payments", "sandbox", "http://in/payments/metrics"),
)
PLACES = Places(8097, "t", "http://in/proxy", "http://in/pages", "browser:shell", PROCESSES)
LATENCY = {
    "name": "latency_downstream",
    "type": "latency",
    "stream": "downstream",
    "toxicity": 1.0,
    "attributes": {"latency": 3000, "jitter": 0},
    "scope": "everyone",
    "session": "",
    "ttl_s": 30.0,
    "expires_in_s": 12.5,
    "number": 7,
    "hits": 12,
    "hits_of": "connections",
}

NOBODY = SessionMark("")


def hop(name: str, **more: object) -> dict[str, object]:
    well = {"speaks": ["http"], "enabled": True, "toxics": [], "connections": 2, "turns": 100}
    return {"name": name, **well, **more}


def test_every_layer_of_faults_has_its_heading_where_a_fault_is_chosen() -> None:
    """A layer without one would have none of its faults to choose."""
    panel = (Path(__file__).parent / "static" / "panel.js").read_text("utf-8")
    headings = panel.partition("const LAYERS = {")[2].partition("}")[0]
    assert {line.partition(":")[0].strip() for line in headings.splitlines() if line.strip()} == {*Layer}


def answer(request: httpx.Request) -> httpx.Response:
    match request.url.path:
        case "/proxy/proxies":
            return httpx.Response(200, json={"shell:promotions": hop("shell:promotions", toxics=[LATENCY])})
        case "/proxy/proxies/shell:promotions/ended":
            return httpx.Response(200, json=[])
        case "/proxy/absent":
            return httpx.Response(200, json={"shell:database": "SQLite has no wire", "shell:broker": "none is set"})
        case "/shell/metrics":
            return httpx.Response(200, text=METRICS)
        case "/payments/metrics":
            return httpx.Response(404)
        case "/newcomer/metrics":
            return httpx.Response(500)
        case "/proxy/proxies/browser:shell/framing":
            return httpx.Response(204)
    raise httpx.ConnectError("refused")


async def look(sampler: Sampler, served=answer) -> None:
    async with httpx.AsyncClient(transport=httpx.MockTransport(served)) as http:
        await sampler.look(http)


async def test_every_hop_and_process_is_drawn_with_what_is_known_of_it() -> None:
    history = History(may_hit)
    sampler = Sampler(PLACES, history, NOBODY)
    sampler.looked_at()
    await look(sampler)
    drawn = system(PLACES, sampler.sample, "")
    rows = {row["title"]: [node["name"] for node in row["nodes"]] for row in drawn["rows"]}
    assert rows["Shell and live"] == ["shell"]
    assert rows["Fragments"] == ["promotions", "newcomer"]
    assert rows["Providers"] == ["sandbox-payments"]
    assert rows["Stores"] == ["database"]
    absent, broken = drawn["hops"]
    assert (absent["name"], absent["state"], absent["why"]) == ("shell:database", "absent", "SQLite has no wire")
    assert (broken["state"], broken["faults"][0]["words"], broken["faults"][0]["left_s"]) == (
        "broken",
        "latency 3000",
        12.5,
    )
    assert broken["breakers"] == [{"hop": "shell:promotions", "upstream": "promotions", "position": "open"}]
    assert sampler.sample.framed(sampler.sample.at)
    assert not sampler.sample.framed(sampler.sample.at + 7), "a page that is asked for late is not let in"
    assert [each["by"] for each in history.body()] == ["elsewhere"]


def test_kafka_without_a_hop_is_drawn_with_what_has_to_be_set() -> None:
    """Between the BFF, whose processes go there, and the stores; a broker that is the store itself is not drawn."""
    absent = {"houses:broker": "set KAFKA_ADVERTISED", "shell:broker": "none is set"}
    drawn = system(PLACES, Sample(hops={}, problem="", absent=absent), "")
    rows = {row["title"]: [node["name"] for node in row["nodes"]] for row in drawn["rows"]}
    assert (rows["BFF"], rows["Stores"]) == (["houses"], ["broker"])
    assert [(each["name"], each["why"]) for each in drawn["hops"]] == [("houses:broker", "set KAFKA_ADVERTISED")]


async def test_list_says_what_a_fault_hit_up_to_its_end() -> None:
    """What it hit between the last look and its end is counted too."""
    history = History(may_hit)
    sampler = Sampler(PLACES, history, NOBODY)
    await look(sampler)
    assert [each["hits"] for each in history.body()] == ["12 connections"]

    def over(request: httpx.Request) -> httpx.Response:
        match request.url.path:
            case "/proxy/proxies":
                return httpx.Response(200, json={"shell:promotions": hop("shell:promotions")})
            case "/proxy/proxies/shell:promotions/ended":
                return httpx.Response(200, json=[{**LATENCY, "hits": 13}, {**LATENCY, "number": 8, "hits": 99}])
        return answer(request)

    await look(sampler, over)
    assert [(each["hits"], each["how"]) for each in history.body()] == [("13 connections", "elsewhere")]


async def test_source_that_does_not_answer_says_so_and_nothing_else_is_lost() -> None:
    sampler = Sampler(PLACES, History(may_hit), NOBODY)
    await look(sampler)
    nodes = {node["name"]: node for row in system(PLACES, sampler.sample, "")["rows"] for node in row["nodes"]}
    assert nodes["shell"]["source"] == "well"
    assert nodes["sandbox-payments"]["source"] == "silent"
    assert (nodes["promotions"]["source"], nodes["newcomer"]["source"]) == ("unreachable", "unreachable")
    assert "HTTPStatusError" in nodes["newcomer"]["detail"]
    assert nodes["shell"]["breakers"] == [{"upstream": "payments", "position": "closed"}]


async def test_proxy_that_does_not_answer_leaves_the_last_drawing_and_says_so() -> None:
    """What was on is not taken for healed."""
    history = History(may_hit)
    sampler = Sampler(PLACES, history, NOBODY)
    await look(sampler)

    def gone(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    await look(sampler, gone)
    drawn = system(PLACES, sampler.sample, "")
    assert "The fault proxy does not answer" in drawn["problem"]
    assert [each["name"] for each in drawn["hops"]] == ["shell:database", "shell:promotions"]
    assert len(history.open) == 1


def test_rates_come_from_two_looks_and_begin_anew_with_the_proxy() -> None:
    assert figures.rate(100, 150, 2.0) == 25.0
    assert figures.rate(100, 3, 2.0) is None
    assert figures.rate(100, 100, 0.0) is None


def test_breakers_belong_to_the_hop_that_they_guard() -> None:
    assert figures.breakers(METRICS) == {"promotions": "open", "payments": "closed"}
    assert figures.hop_of("shell", "wallet.actions") == "shell:wallet"
    assert figures.hop_of("relay", "payments") == "relay:sandbox-payments"


def test_catalogue_offers_what_applies_with_its_bounds() -> None:
    found = catalogue(Sample(hops={"a:b": hop("a:b"), "a:valkey": hop("a:valkey", speaks=["redis"])}, problem=""))
    assert "status" in found["applicable"]["a:b"]
    assert "status" not in found["applicable"]["a:valkey"]
    latency = next(fault for fault in found["faults"] if fault["name"] == "latency")
    assert (latency["parameters"][0]["value"], latency["parameters"][0]["most"]) == (3000, 86_400_000)


@pytest.mark.parametrize(
    ("toxic", "words"),
    [
        ({"scope": "everyone", "toxicity": 1, "session": ""}, "everyone"),
        ({"scope": "share", "toxicity": 0.25, "session": ""}, "25% of all"),
        ({"scope": "session", "toxicity": 1, "session": "mine"}, "this browser's session"),
        ({"scope": "session", "toxicity": 1, "session": "theirs"}, "another session"),
    ],
)
def test_whom_a_fault_hits_is_said_in_words(toxic: dict[str, object], words: str) -> None:
    assert fault_description.whom(toxic, "mine") == words


async def test_lobby_is_read_slot_by_slot_and_an_error_is_a_state_of_the_page() -> None:
    slot = '<fragment-slot slot="{}" id="x" data-state="{}" data-reason="{}">'
    page = slot.format("wallet", "fresh", "") + slot.format("promotions", "fallback", "timeout") + "</html>\n"
    served = {"/whole": httpx.Response(200, text=page), "/cut": httpx.Response(200, text=page[:30])}
    served["/broken"] = httpx.Response(503)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path not in served:
            raise httpx.ReadTimeout("late")
        return served[request.url.path]

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        seen: dict[str, dict[str, tuple[str, str]]] = {}
        for path in ("/whole", "/cut", "/broken", "/late"):
            of_path = seen.setdefault(path, {})
            await watch.look(http, f"http://in{path}", "", lambda slots, _at, of_path=of_path: of_path.update(slots))
    assert seen["/whole"] == {"wallet": ("fresh", ""), "promotions": ("fallback", "timeout"), "page": ("fresh", "")}
    assert (seen["/cut"]["page"][0], seen["/broken"]["page"][0]) == ("cut", "status-503")
    assert seen["/late"] == {"page": ("unreachable", "no answer in time")}


async def test_tester_is_watched_only_while_there_is_something_to_see() -> None:
    """And forgotten then: an old state must not be compared with a new one."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers.get("cookie", ""))
        return httpx.Response(200, text="</html>")

    history, tester = History(may_hit), SessionMark("key")
    sampler = Sampler(PLACES, history, tester)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        await sampler._look_at_pages(http)
        sampler.looked_at(tester=True)
        await sampler._look_at_pages(http)
    assert seen[0] == ""
    assert sorted(seen[1:]) == ["", f"mullion-drill={tester.mark}"]
    assert set(history.slots()) == {EVERYONE, "tester"}


def test_source_keeps_no_breakers_where_it_says_none() -> None:
    assert Source("silent").breakers == {}


def test_mark_of_a_session_travels_over_http_from_the_browser_on() -> None:
    """Not to stores, not from workers whom no request reaches, and not back from a provider."""
    http, redis = {"speaks": ["http"]}, {"speaks": ["redis"]}
    hops = {
        "browser:shell": hop("browser:shell", **http),
        "browser:sandbox-payments": hop("browser:sandbox-payments", **http),
        "shell:promotions": hop("shell:promotions", **http),
        "shell:valkey": hop("shell:valkey", **redis),
        "promotions:sandbox-payments": hop("promotions:sandbox-payments", **http),
        "sandbox-payments:shell": hop("sandbox-payments:shell", **http),
        "newcomer:promotions": hop("newcomer:promotions", **http),
    }
    drawn = system(PLACES, Sample(hops=hops, problem=""), "")
    marked = {each["name"] for each in drawn["hops"] if each["marked"]}
    assert marked == {"browser:shell", "shell:promotions", "promotions:sandbox-payments"}
