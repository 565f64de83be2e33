"""`manage.py check --deploy` of every house, in an environment like production's: secrets set, HTTPS addresses."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shell.operations.up import find, keys  # noqa: E402
from shell.operations.up.house import House  # noqa: E402

ADDRESSES = {
    "PUBLIC_URL": "https://lobby.example",
    "BFF_PUBLIC_URL": "https://live.lobby.example",
    "REDIS_URL": "redis://redis.internal:6379/0",
    "PROXY_HOPS": "10.0.0.0/8",
}
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "UV_CACHE_DIR", "VIRTUAL_ENV")


def main() -> int:
    houses = find.houses(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        secrets = keys.make_secrets(houses, Path(folder), {})
        addresses = {each.variable: f"http://{each.name}.internal" for house in houses for each in house.processes}
        broken = [
            house.name
            for house in houses
            if not check(house, {**ADDRESSES, **addresses, **secrets.for_all, **secrets.of_house[house.name]}, folder)
        ]
    print(f"check --deploy: {len(houses) - len(broken)} of {len(houses)} houses are clean", *broken)
    return 1 if broken else 0


def check(house: House, environ: dict[str, str], folder: str) -> bool:
    inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    command = [
        sys.executable,
        "manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        "--settings",
        house.settings,
    ]
    print(f"{house.name}: ", end="", flush=True)
    return (
        subprocess.run(command, cwd=ROOT, env={**inherited, **environ, "MULLION_DATA": folder}, check=False).returncode
        == 0
    )


if __name__ == "__main__":
    sys.exit(main())
