"""Where `up --drills` puts the fault proxy, and that it knows of every hop."""

import json
import re
import socket
from pathlib import Path

import pytest
from msgspec import structs

from shell.operations.up import cli, find, preflight
from shell.operations.up.drills import Layout
from shell.operations.up.house import PORTS_MAX, House, HouseBroken, Process, parse
from shell.operations.up.kafka_hop import KAFKA_HOP, servers_of
from shell.operations.up.options import Options
from shell.operations.up.plan import Plan, SecretValues, choose, plan
from shell.operations.up.preflight import PreflightFailed, kafka_hop_stands
from tests.support.free_ports import free_port
from tests.support.kafka_mock import KafkaMock
from tests.support.mullion import ROOT

FRONT = House(
    "front",
    "front.settings",
    "front/house.toml",
    (
        Process(
            "front",
            0,
            "/healthz",
            asgi="front.asgi:app",
            public="PUBLIC_URL",
            calls=("REDIS_URL", "FRONT_DATABASE_URL"),
            inner=1,
        ),
    ),
)
BACK = House(
    "back",
    "back.settings",
    "back/house.toml",
    (
        Process("back", 10, "/healthz", asgi="back.asgi:app", calls=("REDIS_URL", "BROKER_URL", "DATABASE_URL")),
        Process("live", 11, "/healthz", asgi="live.asgi:app", public="LIVE_PUBLIC_URL", websocket=True),
    ),
)
PANE = House(
    "pane",
    "pane.settings",
    "pane/house.toml",
    (Process("pane", 20, "/healthz", asgi="pane.asgi:app", publish="/manifest.json", calls=("back", "live")),),
)
HOUSES = [FRONT, BACK, PANE]


def planned(options: Options = Options(drills=True), environ: dict[str, str] | None = None) -> Plan:  # noqa: B008
    environ = environ or {}
    choice = choose(HOUSES, options, environ)
    return plan(
        HOUSES,
        choice,
        options,
        environ=environ,
        data=Path("/data/8000"),
        secrets=SecretValues({}, {}),
        python="python",
        valkey_server="valkey-server",
    )


def hops(decided: Plan) -> dict[str, tuple[str, str, list[str]]]:
    """Name to (listen, upstream, what travels)."""
    assert decided.drills is not None
    found = json.loads(decided.drills.environ["DRILL_HOPS"])
    return {each["name"]: (each["listen"], each["upstream"], each["speaks"]) for each in found}


def absent(decided: Plan) -> dict[str, str]:
    assert decided.drills is not None
    found: dict[str, str] = json.loads(decided.drills.environ["DRILL_ABSENT"])
    return found


def environ_of(decided: Plan, name: str) -> dict[str, str]:
    return dict(next(launch for launch in decided.launches if launch.name == name).environ)


def test_without_drills_nothing_is_different() -> None:
    """No proxy, no other port, no other address."""
    decided = planned(Options())
    assert decided.drills is None
    assert decided.names() == ["valkey", "front", "back", "live", "pane"]
    assert environ_of(decided, "pane")["BACK_URL"] == "http://127.0.0.1:8010"
    assert environ_of(decided, "front")["PORT"] == "8000"


def test_proxy_is_there_before_every_house() -> None:
    decided = planned()
    assert decided.names() == ["valkey", "drills", "front", "back", "live", "pane", "drills-console"]
    assert decided.drills is not None
    assert (decided.drills.command, decided.drills.port) == (("python", "-m", "tests.drills.proxy"), 8061)
    assert dict(decided.welcome)["Drills"].startswith("http://127.0.0.1:8061 ")


@pytest.mark.parametrize(
    ("environ", "store", "broker"),
    [
        ({}, ["redis", "events"], None),
        ({"BROKER_URL": "redis://events.example:6379"}, ["redis"], ["redis", "events"]),
        ({"BROKER_URL": "kafka://events.example:9092"}, ["redis"], None),
        ({"KAFKA_BOOTSTRAP": "events.example:9092"}, ["redis"], None),
    ],
)
def test_events_travel_to_the_store_where_no_broker_has_an_address_of_its_own(
    environ: dict[str, str], store: list[str], broker: list[str] | None
) -> None:
    """And only with those who write or read them."""
    there = hops(planned(environ=environ))
    assert (there["back:valkey"][2], there["front:valkey"][2]) == (store, ["redis"])
    assert there.get("back:broker", (None, None, None))[2] == broker


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        (Options(drills=True, broker="kafka"), {"KAFKA_BOOTSTRAP": "events.example:9092"}),
        (Options(drills=True), {"KAFKA_BOOTSTRAP": "events.example"}),
        (Options(drills=True), {"BROKER_URL": "kafka://events.example:9092/", "KAFKA_BOOTSTRAP": "other:1"}),
    ],
)
def test_kafka_has_one_hop_where_it_says_that_it_is(options: Options, environ: dict[str, str]) -> None:
    """For all its callers, who are given the address that the server advertises; without that there is no hop, and
    what has to be set is said."""
    decided = planned(options, {**environ, "KAFKA_ADVERTISED": "localhost:19092"})
    assert hops(decided)[KAFKA_HOP] == ("127.0.0.1:19092", "events.example:9092", ["kafka"])
    assert environ_of(decided, "back")["BROKER_URL"] == "kafka://127.0.0.1:19092"
    assert not [name for name in {**hops(decided), **absent(decided)} if name.endswith(":broker") and name != KAFKA_HOP]
    assert "go around a hop; start one server" in absent(planned(options, environ))[KAFKA_HOP]
    assert "set KAFKA_ADVERTISED" in absent(planned(options, environ))[KAFKA_HOP]
    assert KAFKA_HOP not in hops(planned(options, environ))


@pytest.mark.parametrize(
    ("options", "environ"),
    [
        (Options(drills=True), {}),
        (Options(drills=True, broker="streams"), {"KAFKA_BOOTSTRAP": "events.example:9092"}),
        (Options(drills=True), {"BROKER_URL": "redis://events:1", "KAFKA_BOOTSTRAP": "events.example:9092"}),
        (Options(drills=True, only=("front",)), {"KAFKA_BOOTSTRAP": "events.example:9092"}),
    ],
)
def test_kafka_that_nobody_calls_has_no_hop(options: Options, environ: dict[str, str]) -> None:
    decided = planned(options, {**environ, "KAFKA_ADVERTISED": "127.0.0.1:19092"})
    assert KAFKA_HOP not in {**hops(decided), **absent(decided)}
    assert servers_of(environ, options.broker) == ("events.example:9092" if options.only else "")


@pytest.mark.parametrize(
    ("given", "servers", "words"),
    [
        ("19092", "k:1", "KAFKA_ADVERTISED is not host:port, such as 127.0.0.1:19092: '19092'"),
        ("127.0.0.1:70000", "k:1", "is not host:port"),
        ("127.0.0.1:0", "k:1", "is not host:port"),
        ("kafka://127.0.0.1:19092", "k:1", "is not host:port"),
        ("events.example:19092", "k:1", "the fault proxy listens on 127.0.0.1 alone"),
        ("[::1]:19092", "k:1", "the fault proxy listens on 127.0.0.1 alone"),
        ("127.0.0.1:19092", "k1:1,k2:1", "several are named: k1:1,k2:1. Name one."),
        ("127.0.0.1:19092", "k:1/x", "Kafka's own address is not host:port: 'k:1/x'"),
        ("127.0.0.1:9092", "localhost", "KAFKA_ADVERTISED is where Kafka itself listens, 127.0.0.1:9092"),
    ],
)
def test_advertised_address_that_can_not_be_used_is_one_sentence(given: str, servers: str, words: str) -> None:
    """With what to do, and that nothing was started; before the ports are looked at."""
    with pytest.raises(PreflightFailed) as refused:
        kafka_hop_stands(given, servers, {}, {})
    assert words in str(refused.value)
    assert "Nothing was started. Without KAFKA_ADVERTISED there is no hop to Kafka." in str(refused.value)
    assert "\n" not in str(refused.value)


def test_advertised_port_that_is_taken_is_one_sentence() -> None:
    """By another program, or by what this copy itself is going to start."""
    with pytest.raises(PreflightFailed, match=r"Port 8010 of KAFKA_ADVERTISED is that of back\. Nothing was started"):
        kafka_hop_stands("127.0.0.1:8010", "127.0.0.1:1", {"back": 8010}, {})
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PreflightFailed, match=f"Port {port} of KAFKA_ADVERTISED is taken by another program"):
            kafka_hop_stands(f"127.0.0.1:{port}", "127.0.0.1:1", {}, {})


def test_kafka_that_advertises_another_address_is_refused() -> None:
    """Its callers would go around the proxy: what it advertises is asked of it before the start."""
    with KafkaMock() as kafka:
        with pytest.raises(PreflightFailed) as refused:
            kafka_hop_stands(f"127.0.0.1:{free_port()}", kafka.servers, {}, {})
        with pytest.raises(PreflightFailed, match="advertises"):
            kafka_hop_stands(f"localhost:{free_port()}", kafka.servers, {}, {})
    assert f"advertises {kafka.servers} and not 127.0.0.1:" in str(refused.value)
    assert "callers would go around the fault proxy. Nothing was started." in str(refused.value)


def test_kafka_is_looked_at_only_where_the_hop_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """With drills, where events travel over Kafka and an address is given."""
    looked: list[tuple[str, str]] = []
    monkeypatch.setattr(preflight, "kafka_hop_stands", lambda given, servers, *_rest: looked.append((given, servers)))
    choice = choose(HOUSES, Options(), {})
    for given, options in (
        ("", Options(drills=True)),
        ("127.0.0.1:19092", Options()),
        ("127.0.0.1:19092", Options(drills=True, broker="streams")),
        ("127.0.0.1:19092", Options(drills=True)),
    ):
        for name, value in {"KAFKA_ADVERTISED": given, "KAFKA_BOOTSTRAP": "k:1", "BROKER_URL": ""}.items():
            monkeypatch.setenv(name, value)
        cli.look_at_kafka_hop(options, choice)
    assert looked == [("127.0.0.1:19092", "k:1")]


def test_caller_is_given_the_proxys_address_and_nobody_else() -> None:
    """Each pair has a hop of its own; what is called is where it was."""
    decided = planned()
    listen, upstream, speaks = hops(decided)["pane:back"]
    assert environ_of(decided, "pane")["BACK_URL"] == f"http://{listen}"
    assert (upstream, speaks) == ("127.0.0.1:8010", ["http"])
    assert environ_of(decided, "front")["BACK_URL"] == "http://127.0.0.1:8010"
    valkeys = {environ_of(decided, name)["REDIS_URL"] for name in ("front", "back")}
    assert valkeys == {f"redis://{hops(decided)[f'{name}:valkey'][0]}/0" for name in ("front", "back")}
    assert hops(decided)["back:valkey"][1:] == ("127.0.0.1:8040", ["redis", "events"])


def test_what_others_know_keeps_its_address_and_moves_behind_the_proxy() -> None:
    """Browsers come to the same port; a manifest is published from the same origin as without drills."""
    decided, found = planned(), hops(planned())
    for name, port, caller in (("front", 8000, "browser"), ("live", 8011, "browser"), ("pane", 8020, "front")):
        listen, upstream, _ = found[f"{caller}:{name}"]
        assert listen == f"127.0.0.1:{port}"
        assert environ_of(decided, name)["PORT"] == upstream.rpartition(":")[2] != str(port)
    assert environ_of(decided, "front")["PUBLIC_URL"] == "http://localhost:8000"
    assert environ_of(decided, "front")["INNER_PORT"] == "8001"
    assert next(each for each in decided.launches if each.name == "pane").publish_url.startswith(
        "http://127.0.0.1:8020/"
    )
    assert found["browser:live"][2] == found["pane:live"][2] == ["http", "websocket"]
    assert found["pane:live"][1] == found["browser:live"][1]


def test_database_has_a_hop_over_postgresql_alone() -> None:
    """Name and password stay; of SQLite it is told that it has no wire."""
    without = planned()
    assert "no address is set for it, and SQLite has no wire" in absent(without)["back:database"]
    environ = {
        "DATABASE_URL": "postgres://me:p%40ss@db.example/ledger?sslmode=disable",
        "FRONT_DATABASE_URL": "sqlite:///x",
    }
    decided = planned(environ=environ)
    listen, upstream, speaks = hops(decided)["back:database"]
    assert environ_of(decided, "back")["DATABASE_URL"] == f"postgres://me:p%40ss@{listen}/ledger?sslmode=disable"
    assert (upstream, speaks) == ("db.example:5432", ["postgres"])
    assert "SQLite has no wire" in absent(decided)["front:database"]
    assert environ_of(decided, "front")["FRONT_DATABASE_URL"] == "sqlite:///x"


@pytest.mark.parametrize(
    "url",
    [
        "rediss://cache:6379/0",
        "unix:///run/valkey.sock",
        "redis://cache:x/0",
        "sentinel://s1,s2:1/players",
        "cluster://n1,n2",
    ],
)
def test_what_can_not_be_broken_stays_as_it_is(url: str) -> None:
    decided = planned(environ={"REDIS_URL": url})
    assert "back:valkey" in absent(decided)
    assert environ_of(decided, "back")["REDIS_URL"] == url


def test_two_variables_with_one_address_are_one_hop() -> None:
    decided = planned(Options(drills=True, broker="streams"))
    environ = environ_of(decided, "back")
    assert environ["BROKER_URL"] == environ["REDIS_URL"] == f"redis://{hops(decided)['back:valkey'][0]}/0"
    assert "back:broker" not in hops(decided)


def test_part_that_runs_elsewhere_has_a_hop_and_one_that_does_not_run_has_none() -> None:
    only = Options(drills=True, only=("front", "pane"))
    assert absent(planned(only))["pane:back"] == "back is not run here"
    assert hops(planned(only, {"BACK_URL": "http://other:81"}))["pane:back"][1] == "other:81"


def test_ports_of_drills_are_looked_at_before_the_start() -> None:
    """Exactly those that are listened on and were not before, or might be."""
    choice = choose(HOUSES, Options(drills=True), {})
    ports = Layout.of(choice.processes, 9000).ports()
    assert ports["drills"] == 9061
    assert len(set(ports.values())) == len(ports)
    listened = {int(listen.rpartition(":")[2]) - 8000 + 9000 for listen, _, _ in hops(planned()).values()}
    assert listened <= set(ports.values()) | set(choice.ports(9000).values())


def test_one_copy_with_drills_fits_below_the_next() -> None:
    """Port bases of tests and people lie a hundred apart; with five houses more than there are, too."""
    processes = [process for house in find.houses(ROOT) for process in house.processes]
    offsets = sorted(set(range(1, 20)) - {each.port for each in processes} - {each.inner for each in processes})
    more = [
        structs.replace(processes[0], name=f"more-{port}", port=port, inner=None, calls=("bff-queries",))
        for port in offsets[:5]
    ]
    ports = Layout.of([*processes, *more], 0).ports()
    own = {each.port for each in (*processes, *more)} | {each.inner for each in processes}
    assert max(ports.values()) < PORTS_MAX
    assert len(set(ports.values())) == len(ports)
    assert not own & set(ports.values())


def test_call_of_nobody_is_told_by_file_and_field(tmp_path: Path) -> None:
    text = '[house]\nname = "a"\nsettings = "a.settings"\n[[process]]\nname = "a"\nrun = "a.b"\nport = 1\nready = "/"\n'
    with pytest.raises(HouseBroken, match=r"process\[0\]\.calls: 'B C' is not the name of a process or of a variable"):
        parse(text + 'calls = ["B C"]\n', "a/house.toml")
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "house.toml").write_text(text + 'calls = ["b"]\n')
    with pytest.raises(find.HousesBroken, match=r"a/house\.toml: process 'a': calls: there is no process 'b'"):
        find.houses(tmp_path)


def test_every_address_that_a_house_reads_is_one_of_its_calls() -> None:
    """And none else: a hop that is missing here could never be broken, one too many would break nothing."""
    houses = find.houses(ROOT)
    by_variable = {process.variable: process.name for house in houses for process in house.processes}
    stores = {"REDIS_URL", "BROKER_URL", "DATABASE_URL", "SHELL_DATABASE_URL"}
    for house in houses:
        room = ROOT / Path(house.file).parent
        source = "\n".join(path.read_text("utf-8") for path in sorted(room.rglob("*.py")) if "up" not in path.parts)
        read = set(re.findall(r"[\"']([A-Z][A-Z_]*_URL)[\"']", source))
        # What the shared rooms read for a house that uses them.
        read |= {"REDIS_URL", "BROKER_URL"} if re.search(r"\baddress\(\)", source) else set()
        read |= {"BFF_QUERIES_URL"} if "bff.view(" in source else set()
        read |= {"BFF_COMMANDS_URL"} if "bff.command(" in source else set()
        mine = {process.variable for process in house.processes}
        wanted = {by_variable.get(each, each) for each in read - mine if each in by_variable or each in stores}
        called = {call for process in house.processes for call in process.calls}
        assert called == wanted, house.file
