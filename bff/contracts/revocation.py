"""Revocations of sessions: published by the shell over Valkey or Redis for houses that accept longer-lived tokens.

Public: `SessionsRevoked`, `REVOCATION_CHANNEL`, `REVOCATION_LOG`, `read_revocation`, `write_revocation`.
"""

import msgspec

from bff.contracts import text

REVOCATION_CHANNEL = "mullion:revoked"
# A sorted set of the same messages by the moment they were sent: for whoever did not listen just then.
REVOCATION_LOG = "mullion:revocations"


class SessionsRevoked(msgspec.Struct, frozen=True):
    """The session behind `mark` has ended; without a mark, all sessions of `player` from before `epoch`."""

    player: str
    mark: str = ""
    epoch: int = 0


def read_revocation(raw: bytes) -> SessionsRevoked:
    """The message in `raw`; raises `msgspec.DecodeError` for anything else."""
    return text.decode(raw, SessionsRevoked)


def write_revocation(revoked: SessionsRevoked) -> bytes:
    """The message as it travels."""
    return msgspec.json.encode(revoked)
