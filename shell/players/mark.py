"""The mark of a session: an identifier for it that is not its key. Public: `mark_of`."""

import hashlib


def mark_of(session_key: str) -> str:
    """The session's mark for cookies and revocations: it can not be used to sign in."""
    return hashlib.sha256(f"mark:{session_key}".encode()).hexdigest()[:32]
