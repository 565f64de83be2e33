"""The settings and models of every house at once, for the type checker alone (see pyproject.toml). Nothing runs on it.

Here stands what a house's code reads from `django.conf.settings`; a setting that is missing is an error of the checker.
"""

import os

os.environ["DEBUG"] = "1"

from bff.commands.settings import (
    BROKER_URL,
    COMPARE_S,
    GAME_PROVIDERS,
    LEDGER_PARTITIONS,
    PAYMENTS_URL,
    PAYMENTS_WEBHOOK_SECRET,
)
from bff.commands.settings import INSTALLED_APPS as COMMANDS_APPS
from fragments.live_dealer.settings import (
    FRAGMENT_FALLBACK,
    FRAGMENT_FOLDER,
    PAGE_PATHNAMES,
    PLAYER_CONTEXT_PUBLIC_KEY,
)
from fragments.live_dealer.settings import INSTALLED_APPS as FRAGMENT_APPS
from shell.settings import *  # noqa: F403
from shell.settings import INSTALLED_APPS as SHELL_APPS

INSTALLED_APPS = [*SHELL_APPS, *COMMANDS_APPS, *FRAGMENT_APPS]

__all__ = [
    "BROKER_URL",
    "COMPARE_S",
    "FRAGMENT_FALLBACK",
    "FRAGMENT_FOLDER",
    "GAME_PROVIDERS",
    "INSTALLED_APPS",
    "LEDGER_PARTITIONS",
    "PAGE_PATHNAMES",
    "PAYMENTS_URL",
    "PAYMENTS_WEBHOOK_SECRET",
    "PLAYER_CONTEXT_PUBLIC_KEY",
]
