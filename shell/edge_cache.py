"""Decides when an edge may cache a page: for a second, where it has no player and the next visitor would get the same.

Public: `held_by_an_edge`, `HELD`.
"""

from collections.abc import Sequence

from shell.composition.release import Snapshot
from shell.visits import Incoming

# It is held for a second, and for one more while the next is fetched: slots say how old they are, and ask for what has
# changed. A browser holds nothing (`max-age=0`). What decides a page of nobody stands in `Vary`: the language,
# and whether it is a telephone.
HELD = (
    ("cache-control", "public, max-age=0, s-maxage=1, stale-while-revalidate=1"),
    ("vary", "Accept-Language, Cookie, User-Agent"),
)


def held_by_an_edge(incoming: Incoming, cookies: Sequence[tuple[str, str]], snapshot: Snapshot) -> bool:
    """Whether what is answered is everybody's: the request brings no cookie, query or bearer, the answer sets no
    cookie, and no release is on trial, for then each visitor has a page of their own."""
    headers = incoming.headers
    personal = "cookie" in headers or "authorization" in headers or "range" in headers
    return not (personal or incoming.query or cookies or snapshot.canaries)
