"""Which environment an installation is, production or staging: one shell and all that it serves.

Public: `this_environment`.
"""

from django.conf import settings


def this_environment() -> str:
    """The name of the environment that this process is of."""
    return str(settings.ENVIRONMENT)
