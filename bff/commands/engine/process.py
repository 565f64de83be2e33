"""Set-up that every process of this house runs before it uses the database.

Public: `set_up`, `name_of_process`.
"""

import os
import socket
import sys

import django
from django.core.exceptions import ImproperlyConfigured


def set_up() -> None:
    """Load the house's settings and tables; call it before anything that imports models.

    Ends the process with a sentence where a setting is missing or unsafe.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bff.commands.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        sys.exit(str(error))


def name_of_process(role: str) -> str:
    """A name for leases that no other process has."""
    return f"{role}-{socket.gethostname()[:40]}-{os.getpid()}"
