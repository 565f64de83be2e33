"""Django's PostgreSQL backend with the two things that the engine must know and do: see `base.py`.

Public: `CommitUnknown`.
"""

from django.db import OperationalError


class CommitUnknown(OperationalError):
    """The connection was lost while the transaction was being committed: it may be, or it may not."""
