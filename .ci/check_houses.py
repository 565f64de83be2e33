"""`manage.py check --deploy` of every house and of the admin, as if in production: secrets set, HTTPS."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from shell.operations.up import find, keys, operators_admin  # noqa: E402

ADDRESSES = {
    "PUBLIC_URL": "https://lobby.example",
    "BFF_PUBLIC_URL": "https://live.lobby.example",
    "ADMIN_URL": "https://operators.example",
    "REDIS_URL": "redis://redis.internal:6379/0",
    "PROXY_HOPS": "10.0.0.0/8",
}
PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "UV_CACHE_DIR", "VIRTUAL_ENV")


def main() -> int:
    houses = find.houses(ROOT)
    with tempfile.TemporaryDirectory() as folder:
        secrets = keys.make_secrets(houses, Path(folder), {})
        addresses = {each.variable: f"http://{each.name}.internal" for house in houses for each in house.processes}
        checked = [(house.name, house.name, house.settings) for house in houses]
        checked.append((operators_admin.ADMIN_NAME, "shell", operators_admin.SETTINGS))
        broken = [
            name
            for name, house, settings in checked
            if not check(
                name, settings, {**ADDRESSES, **addresses, **secrets.for_all, **secrets.of_house[house]}, folder
            )
        ]
    print(f"check --deploy: {len(checked) - len(broken)} of {len(checked)} houses are clean", *broken)
    return 1 if broken else 0


def check(name: str, settings: str, environ: dict[str, str], folder: str) -> bool:
    inherited = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    command = [
        sys.executable,
        "manage.py",
        "check",
        "--deploy",
        "--fail-level",
        "WARNING",
        "--settings",
        settings,
    ]
    print(f"{name}: ", end="", flush=True)
    return (
        subprocess.run(command, cwd=ROOT, env={**inherited, **environ, "MULLION_DATA": folder}, check=False).returncode
        == 0
    )


if __name__ == "__main__":
    sys.exit(main())
