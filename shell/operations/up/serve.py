"""How an ASGI app is served: the arguments for Python, by server.

Public: `serve`.
"""

from typing import Literal

DRAIN_S = 2


def serve(
    server: Literal["uvicorn", "daphne"], app: str, host: str, port: int, inner: int | None = None
) -> tuple[str, ...]:
    """`python -m …` without the `python`. Both drain for at most `DRAIN_S` and write no access log.

    The app is served on `inner` too. Daphne has no deadlines for heads and bodies, keeps whole bodies on disk whatever
    their size, and drops who is connected at its end.
    """
    if server == "daphne":
        # daphne offers no per-message deflate of its own accord, and logs accesses only from verbosity 1.
        rest = ("-v", "0", "--no-server-name", "--application-close-timeout", str(DRAIN_S))
        second = () if inner is None else ("-e", f"tcp:{inner}:interface={host}")
        return ("-m", "daphne", "-b", host, "-p", str(port), *second, *rest, app)
    # Uvicorn, which finds host and ports in its environment, and cuts nobody off at its end.
    return ("-m", "bff.resilience.serving", app)
