"""What `up` decides before it starts or writes anything."""

from dataclasses import replace
from pathlib import Path

import pytest

from shell.operations.up import options as command_line
from shell.operations.up.functions import FunctionUnknown
from shell.operations.up.house import House, Process, Secrets
from shell.operations.up.options import Options
from shell.operations.up.plan import NameUnknown, Plan, SecretValues, choose, plan
from shell.operations.up.restart import FIRST_S, LONGEST_S, STEADY_S, RestartDelay, how_it_ended

pytestmark = pytest.mark.quick

FRONT = House(
    name="front",
    settings="front.settings",
    file="front/house.toml",
    processes=(Process("front", 0, "/healthz", asgi="front.asgi:app", public="PUBLIC_URL"),),
    prepare=(("migrate", "--noinput"), ("seed",)),
    secrets=Secrets(own=("FRONT_KEY",)),
    welcome={"Status": "{url}/status"},
)
BACK = House(
    name="back",
    settings="back.settings",
    file="back/house.toml",
    processes=(
        Process("back-api", 10, "/healthz", asgi="back.asgi:app", public="BACK_PUBLIC_URL"),
        Process("back-work", 11, "/ready", run="back.work", nice=-10),
    ),
)
PANE = House(
    name="pane",
    settings="pane.settings",
    file="pane/house.toml",
    processes=(Process("pane", 20, "/healthz", asgi="pane.asgi:app", publish="/manifest.json"),),
)
HOUSES = [FRONT, BACK, PANE]
SECRETS = SecretValues({"SHARED": "s"}, {"front": {"FRONT_KEY": "k"}})


def planned(options: Options = Options(), environ: dict[str, str] | None = None) -> Plan:  # noqa: B008
    environ = environ or {}
    return plan(
        HOUSES,
        choose(HOUSES, options, environ),
        options,
        environ=environ,
        data=Path("/data/8000"),
        secrets=SECRETS,
        python="python",
        valkey_server="valkey-server",
    )


def launch_of(decided: Plan, name: str):
    return next(launch for launch in decided.launches if launch.name == name)


def test_every_process_learns_every_address():
    """Addresses, public ones too, follow from the port base and the offsets."""
    environ = launch_of(planned(Options(port_base=9000)), "back-work").environ
    assert environ["FRONT_URL"] == "http://127.0.0.1:9000"
    assert environ["BACK_API_URL"] == "http://127.0.0.1:9010"
    assert environ["PANE_URL"] == "http://127.0.0.1:9020"
    assert environ["PUBLIC_URL"] == "http://localhost:9000"
    assert environ["BACK_PUBLIC_URL"] == "http://localhost:9010"
    assert environ["REDIS_URL"] == "redis://127.0.0.1:9040/0"


def test_process_gets_its_own_place():
    """Settings, name, host, port and data folder are each process's own."""
    environ = launch_of(planned(), "back-work").environ
    wanted = {
        "DJANGO_SETTINGS_MODULE": "back.settings",
        "PROCESS_NAME": "back-work",
        "HOST": "127.0.0.1",
        "PORT": "8011",
        "MULLION_DATA": "/data/8000",
        "DEBUG": "1",
    }
    assert environ.items() >= wanted.items()


def test_own_secret_stays_in_its_house():
    """A house's own secret is in no other house's environment; a shared one is in all."""
    decided = planned()
    assert launch_of(decided, "front").environ["FRONT_KEY"] == "k"
    assert "FRONT_KEY" not in launch_of(decided, "pane").environ
    assert all(launch.environ["SHARED"] == "s" for launch in decided.launches)


def test_worker_runs_as_module_and_app_behind_a_server():
    """`run` becomes `python -m`, `asgi` is served by uvicorn so that nobody is cut off at its end; niceness stays."""
    decided = planned()
    assert launch_of(decided, "back-work").command == ("python", "-m", "back.work")
    assert launch_of(decided, "back-work").nice == -10
    command = " ".join(launch_of(decided, "front").command)
    assert command == "python -m bff.resilience.serving front.asgi:app"
    assert launch_of(decided, "front").environ["PORT"] == "8000"


def test_daphne_serves_when_asked():
    """`--server daphne` changes the server of apps, not of workers."""
    decided = planned(Options(server="daphne"))
    assert launch_of(decided, "front").command[:3] == ("python", "-m", "daphne")
    assert launch_of(decided, "back-work").command == ("python", "-m", "back.work")


def test_house_prepares_all_its_steps_in_one_process():
    """Steps of a house share one process, in their order and with its settings."""
    (step,) = planned().prepares
    assert (step.house, step.environ["DJANGO_SETTINGS_MODULE"]) == ("front", "front.settings")
    assert step.command[-1] == '[["migrate", "--noinput"], ["seed"]]'


def test_fragments_are_published_by_the_front_house():
    """Manifest addresses are collected; the command runs with the front house's settings."""
    decided = planned()
    assert launch_of(decided, "pane").publish_url == "http://127.0.0.1:8020/manifest.json"
    assert decided.publish is not None
    assert decided.publish.command == ("python", "manage.py", "fragment", "publish")
    assert decided.publish.environ["DJANGO_SETTINGS_MODULE"] == "front.settings"


def test_without_the_front_nothing_is_published():
    """There is no registry to publish into, and no lobby to show."""
    decided = planned(Options(without=("front",)))
    assert (decided.publish, decided.front, decided.welcome, decided.prepares) == (None, "", (), ())


def test_welcome_carries_the_real_address():
    """`{url}` becomes the house's public address."""
    assert planned(Options(port_base=9000)).welcome == (("Status", "http://localhost:9000/status"),)


def test_only_takes_processes_houses_and_the_store():
    """A house's name stands for all its processes; the store is never left out by accident."""
    decided = planned(Options(only=("back", "pane")))
    assert decided.names() == ["valkey", "back-api", "back-work", "pane"]
    assert planned(Options(only=("back-work",))).names() == ["valkey", "back-work"]


def test_without_leaves_out():
    """`--without` works alone and beside `--only`, on Valkey too."""
    assert planned(Options(without=("back", "valkey"))).names() == ["front", "pane"]
    assert planned(Options(only=("back",), without=("back-work",))).names() == ["valkey", "back-api"]


def test_part_left_out_may_live_elsewhere():
    """The environment's address counts for a part that is left out, and only for such a part."""
    elsewhere = {"BACK_API_URL": "http://other:1", "PANE_URL": "http://other:2"}
    environ = launch_of(planned(Options(without=("back-api",)), elsewhere), "front").environ
    assert environ["BACK_API_URL"] == "http://other:1"
    assert environ["PANE_URL"] == "http://127.0.0.1:8020"


def test_unknown_name_lists_the_known_ones():
    """A slip is answered by what was probably meant, and by all names."""
    with pytest.raises(NameUnknown, match=r"'pan'.* mean pane\?.*: back, back-api, back-work, front, pane, valkey"):
        choose(HOUSES, Options(only=("pan",)), {})


def test_fragment_as_a_function_is_a_platform_in_its_place():
    """Port, settings and publishing stay as they were; the address of its page of environments is printed."""
    decided = planned(Options(functions=("pane",)))
    server, function = launch_of(planned(), "pane"), launch_of(decided, "pane")
    assert function.command[-1] == "bff.sandbox.functions.asgi:application"
    assert function.environ == {**server.environ, "FUNCTION_HANDLER": "pane.function.handler"}
    assert (function.port, function.publish_url) == (server.port, server.publish_url)
    assert ("pane, as a function", f"http://127.0.0.1:{server.port}/control/environments") in decided.welcome


def test_what_is_no_fragment_can_not_be_a_function():
    with pytest.raises(FunctionUnknown, match=r"'front' can not be run as a function\. Fragments that run here: pane"):
        choose(HOUSES, Options(functions=("front",)), {})


def test_functions_are_named_with_commas_or_spaces():
    assert command_line.parse(["--functions", "a,b", "c"]).functions == ("a", "b", "c")


def test_redis_url_replaces_the_embedded_valkey():
    """With REDIS_URL no Valkey is started, and every process gets that address."""
    decided = planned(environ={"REDIS_URL": "redis://cache:6379/3"})
    assert decided.valkey is None
    assert launch_of(decided, "front").environ["REDIS_URL"] == "redis://cache:6379/3"


def test_broker_is_named_to_every_process_when_asked():
    """`--broker` decides for all houses; without it the environment does, and nothing is added."""
    kafka = planned(Options(broker="kafka"), {"KAFKA_BOOTSTRAP": "one:9092,two:9092"})
    assert {launch.environ["BROKER_URL"] for launch in kafka.launches} == {"kafka://one:9092,two:9092"}
    streams = planned(Options(broker="streams"), {"KAFKA_BOOTSTRAP": "one:9092"})
    assert {launch.environ["BROKER_URL"] for launch in streams.launches} == {"redis://127.0.0.1:8040/0"}
    assert all("BROKER_URL" not in launch.environ for launch in planned().launches)


def test_valkey_keeps_its_data():
    """The embedded Valkey writes an append-only file into the data folder and listens on loopback only."""
    valkey = planned().valkey
    assert valkey is not None
    command = " ".join(valkey.command)
    assert "--port 8040 --bind 127.0.0.1 --dir /data/8000/valkey" in command
    assert "--appendonly yes" in command


def test_ports_of_all_that_will_listen():
    """The ports that are checked before the start are exactly those that will be bound."""
    choice = choose(HOUSES, Options(without=("back-work",)), {})
    assert choice.ports(9000) == {"front": 9000, "back-api": 9010, "pane": 9020, "valkey": 9040}


def test_backoff_doubles_and_forgets():
    """Early deaths wait longer each time, up to a limit; a steady run starts afresh."""
    delay = RestartDelay()
    waits = [delay.after(1.0) for _ in range(8)]
    assert waits[:4] == [FIRST_S, FIRST_S * 2, FIRST_S * 4, FIRST_S * 8]
    assert waits[-1] == LONGEST_S
    assert delay.after(STEADY_S) == FIRST_S


def test_exit_codes_are_explained_in_words():
    """A signal is named; an unknown one keeps its number."""
    assert how_it_ended(3) == "ended with code 3"
    assert how_it_ended(-9) == "was ended by SIGKILL"
    assert how_it_ended(-200) == "was ended by signal 200"


@pytest.mark.parametrize(
    "argv", ["--prot-base 1", "--port-base 0", "--port-base 65500", "--server x", "--broker x", "extra"]
)
def test_bad_command_line_ends_with_code_2(argv: str, capsys: pytest.CaptureFixture[str]):
    """Argparse says what is wrong; nothing is guessed."""
    with pytest.raises(SystemExit) as end:
        command_line.parse(argv.split())
    assert end.value.code == 2
    assert "manage.py up: error:" in capsys.readouterr().err


def test_help_has_examples(capsys: pytest.CaptureFixture[str]):
    """`--help` shows what to type."""
    with pytest.raises(SystemExit):
        command_line.parse(["--help"])
    output = capsys.readouterr().out
    assert "uv run manage.py up --port-base 9000" in output
    assert "REDIS_URL" in output


def test_inner_port_is_a_processes_own():
    """Its offset gives the port; it is checked before the start and is in no other process's environment."""
    shut = Process("front", 0, "/healthz", asgi="front.asgi:app", public="PUBLIC_URL", inner=1)
    front = replace(FRONT, processes=(shut,), welcome={"Status": "{inner}/status", "Lobby": "{url}/"})
    choice = choose([front, BACK], Options(), {})
    decided = plan(
        [front, BACK],
        choice,
        Options(port_base=9000),
        environ={"INNER_PORT": "7"},
        data=Path("/data/9000"),
        secrets=SECRETS,
        python="python",
        valkey_server="valkey-server",
    )
    assert choice.ports(9000)["front, inside"] == 9001
    assert launch_of(decided, "front").environ["INNER_PORT"] == "9001"
    assert launch_of(decided, "back-api").environ["INNER_PORT"] == ""
    assert decided.welcome == (("Status", "http://localhost:9001/status"), ("Lobby", "http://localhost:9000/"))


def test_operators_admin_stands_beside_the_shell_when_asked():
    """With the option it has the shell's environment, a port that no house may have, and starts after the shell's
    preparation; without it there is none.
    """
    decided = planned(Options(port_base=9000, admin=True))
    admin = launch_of(decided, "admin")
    assert (admin.house, admin.port, admin.ready_path) == ("front", 9009, "/healthz")
    assert admin.command == ("python", "-m", "bff.resilience.serving", "shell.operations.admin.asgi:application")
    front = launch_of(decided, "front").environ
    own = {"ADMIN_URL", "DJANGO_SETTINGS_MODULE", "PROCESS_NAME", "PORT"}
    assert {name: value for name, value in admin.environ.items() if name not in own} == {
        name: value for name, value in front.items() if name not in own
    }
    assert (admin.environ["ADMIN_URL"], admin.environ["PORT"]) == ("http://localhost:9009", "9009")
    [words] = [text for label, text in decided.welcome if label == "Operators' admin"]
    assert words == "http://localhost:9009/ for staff: DEBUG=1 MULLION_DATA=/data/8000 uv run manage.py createsuperuser"
    assert launch_of(decided, "back-api").environ.keys() & {"ADMIN_URL"} == set()
    assert "admin" not in planned().names()
    given = planned(Options(admin=True), {"ADMIN_URL": "https://operators.example"})
    assert launch_of(given, "admin").environ["ADMIN_URL"] == "https://operators.example"
    assert dict(given.welcome)["Operators' admin"].startswith("https://operators.example/ for staff: ")
    assert (command_line.parse(["--admin"]).admin, command_line.parse([]).admin) == (True, False)


def test_operators_admin_without_the_shell_is_refused_in_a_sentence():
    with pytest.raises(NameUnknown, match="--admin works on the database of the shell, which is left out here"):
        choose(HOUSES, Options(without=("front",), admin=True), {})


def test_gallery_stands_beside_the_shell_when_asked():
    """With the option it is a process on a port that no house may have, and every house gets its address; without it
    there is none.
    """
    decided = planned(Options(port_base=9000, gallery=True))
    wall = launch_of(decided, "gallery")
    assert wall.command == ("python", "manage.py", "fragment", "dev", "--port", "9060")
    assert (wall.port, wall.ready_path) == (9060, "/gallery/")
    assert not wall.environ.keys() & {"FRONT_KEY", "SHARED", "REDIS_URL"}
    assert launch_of(decided, "front").environ["GALLERY_URL"] == "http://127.0.0.1:9060/gallery/"
    assert ("Gallery", "http://localhost:9000/gallery/") in decided.welcome
    without = planned()
    assert "gallery" not in without.names()
    assert "GALLERY_URL" not in launch_of(without, "front").environ
    assert (command_line.parse(["--gallery"]).gallery, command_line.parse([]).gallery) == (True, False)
