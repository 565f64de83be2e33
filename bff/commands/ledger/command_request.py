"""A request for a command, and the refusal of one.

Public: `CommandRequest`, `CommandRejected`.
"""

import hashlib
from dataclasses import dataclass

import msgspec


class CommandRejected(Exception):
    """The command was not taken and nothing has changed. Becomes a problem (RFC 9457) on the wire."""

    def __init__(self, status: int, code: str, detail: str, fields: dict[str, str] | None = None) -> None:
        super().__init__(code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.fields = fields or {}


@dataclass(frozen=True, slots=True)
class CommandRequest:
    """A command with its player and idempotency key. `fingerprint` is equal exactly for equal commands."""

    player: str
    currency: str
    command: str
    key: str
    fingerprint: str

    @classmethod
    def of(cls, player: str, currency: str, command: str, key: str, body: msgspec.Struct) -> "CommandRequest":
        content = command.encode() + b"\n" + msgspec.json.encode(body, order="sorted")
        return cls(player, currency, command, key, hashlib.sha256(content).hexdigest())
