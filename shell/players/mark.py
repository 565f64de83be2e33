"""What stands for a session where the session itself must not be named. Public: `mark_of`."""

import hashlib


def mark_of(session_key: str) -> str:
    """What stands for a session in a cookie and in a revocation: useless for signing in."""
    return hashlib.sha256(f"mark:{session_key}".encode()).hexdigest()[:32]
