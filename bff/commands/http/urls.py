"""Paths of the engine. Those of the money commands follow from their table.

Public: `urlpatterns`, `command_paths`, `close_key_scopes`.
"""

from collections.abc import Iterable

from django.urls import URLPattern, path, re_path

from bff.commands.handlers import close_key
from bff.commands.handlers.table import MONEY_COMMANDS, MoneyCommand, one_transaction
from bff.commands.http import seamless, views
from bff.commands.http.endpoint import command_view
from bff.commands.http.webhook import webhook_view
from bff.contracts.command_names import CLOSE_KEY
from bff.contracts.paths import COMMANDS_PREFIX, HEALTH_PATH, METRICS_PATH
from bff.contracts.wallet import CloseKey

_COMMANDS = COMMANDS_PREFIX.removeprefix("/")


def close_key_scopes(commands: Iterable[MoneyCommand]) -> frozenset[str]:
    """A scope that allows any command also allows asking for its status."""
    return frozenset(command.scope for command in commands)


def command_paths(commands: Iterable[MoneyCommand]) -> list[URLPattern]:
    """One address a row, named as the command."""
    return [
        path(
            f"{_COMMANDS}{command.name}",
            command_view(command.name, frozenset({command.scope}), command.body, command.handle),
            name=command.name,
        )
        for command in commands
    ]


_close_key_view = command_view(CLOSE_KEY, close_key_scopes(MONEY_COMMANDS), CloseKey, one_transaction(close_key.close))

urlpatterns = [
    *command_paths(MONEY_COMMANDS),
    path(f"{_COMMANDS}{CLOSE_KEY}", _close_key_view),
    path("user/balance", seamless.own_view, {"operation": "user/balance"}),
    path("transaction/<str:name>", seamless.own_transaction_view),
    path("aggregators/<str:provider>/<path:operation>", seamless.aggregator_view),
    path("webhooks/payments", webhook_view),
    path(HEALTH_PATH.removeprefix("/"), views.healthz),
    path(METRICS_PATH.removeprefix("/"), views.metrics),
    re_path("", views.unknown_path),
]
