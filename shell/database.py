"""Which errors say that the shell's database can not serve for the moment: locked, full, read-only, gone.

Public: `DATABASE_AWAY`.
PostgreSQL reports a read-only transaction as an internal error, SQLite as an operational one.
"""

from django.db import InterfaceError, InternalError, OperationalError

DATABASE_AWAY = (OperationalError, InterfaceError, InternalError)
