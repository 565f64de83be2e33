"""What every process of this house does before it touches the database.

Public: `set_up`, `name_of_process`.
"""

import os
import socket

import django


def set_up() -> None:
    """Load the house's settings and tables; call it before anything that imports models."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "bff.commands.settings")
    django.setup()


def name_of_process(role: str) -> str:
    """A name for leases that no other process has."""
    return f"{role}-{socket.gethostname()[:40]}-{os.getpid()}"
