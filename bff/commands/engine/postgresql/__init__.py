"""Django's PostgreSQL backend with an error for an unknown commit and an end for a silent server: see `base.py`.

Public: `CommitUnknown`.
"""

from django.db import OperationalError


class CommitUnknown(OperationalError):
    """The connection was lost during COMMIT: the transaction may or may not be committed."""
