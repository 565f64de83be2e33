"""Runs `small` by hand: two of everything over a PostgreSQL of its own, until Ctrl-C.

Run: `uv run python -m tests.support.small`, then `curl -H 'Host: lobby.example' -H 'X-Forwarded-Proto: https' URL`.
"""

import threading

from tests.support.postgres_server import PostgresServer
from tests.support.small.installation import Small


def main() -> None:
    with PostgresServer() as postgres, Small(postgres) as small:
        print(f"small stands at {small.url} (Host: {small.host}, X-Forwarded-Proto: https)", flush=True)
        for name, process in small.processes.items():
            print(f"  {name:18} {process.replica.port}", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("ending")


if __name__ == "__main__":
    main()
