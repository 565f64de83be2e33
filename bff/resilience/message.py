"""A request and an answer, as guarded calls know them.

Public: `Request`, `Response`, `Headers`, `CallFailed`.
"""

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from bff.resilience.reason import Reason

_SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


class Headers:
    """Header fields in the order they came, names in lower case. Immutable."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = tuple((name.lower(), value) for name, value in pairs)

    def get(self, name: str) -> str | None:
        """The first value under `name` (any case), or None."""
        wanted = name.lower()
        return next((value for key, value in self._pairs if key == wanted), None)

    def get_all(self, name: str) -> list[str]:
        """Every value under `name`, in order."""
        wanted = name.lower()
        return [value for key, value in self._pairs if key == wanted]

    def size_bytes(self) -> int:
        """What these fields take on the wire: name, colon, space, value and line end each."""
        return sum(len(name) + len(value) + 4 for name, value in self._pairs)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._pairs == other._pairs

    def __hash__(self) -> int:
        return hash(self._pairs)

    def __repr__(self) -> str:
        # Values may hold tokens or money, and a repr ends in logs.
        return f"Headers({', '.join(name for name, _ in self._pairs)})"


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is absolute, http or https; `headers` travel as given, Accept-Encoding apart, which is always identity.

    `unpooled`: it is to travel on a connection of its own, that nobody used before. `redirects`: an answer that sends
    elsewhere is one, and not a failure; nobody follows it. `caller` is who chose the address, if that was somebody
    outside: what fails at it again and again is one caller's word.
    """

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    unpooled: bool = False
    redirects: bool = False
    caller: Hashable = None

    @property
    def safe(self) -> bool:
        """Whether it only reads (RFC 9110 §9.2.1)."""
        return self.method in _SAFE

    def __repr__(self) -> str:
        return f"Request({self.method} {self.url.partition('?')[0]}, {len(self.body)} B)"


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer: `body` is complete and decoded, and within the policy's caps."""

    status: int
    headers: Headers
    body: bytes

    def __repr__(self) -> str:
        return f"Response({self.status}, {len(self.body)} B)"


class CallFailed(Exception):
    """The only error a transport raises.

    `answered` says whether a byte of an answer came; if not, the upstream may still have acted on the request.
    """

    def __init__(self, reason: Reason, detail: str, *, answered: bool = False) -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail
        self.answered = answered

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
