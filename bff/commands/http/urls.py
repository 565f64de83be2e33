"""Paths of the engine. Those of the money commands follow from their table."""

from django.urls import path, re_path

from bff.commands.handlers import close_key
from bff.commands.handlers.table import MONEY_COMMANDS, one_transaction
from bff.commands.http import seamless, views
from bff.commands.http.endpoint import command_view
from bff.commands.http.webhook import webhook_view
from bff.commands.ledger.receipts import CLOSED
from bff.contracts.wallet import CloseKey

# Whoever may send any command may ask what became of it.
_ANY_COMMAND = frozenset(command.scope for command in MONEY_COMMANDS)

urlpatterns = [
    *(
        path(
            f"commands/{command.name}",
            command_view(command.name, frozenset({command.scope}), command.body, command.handle),
        )
        for command in MONEY_COMMANDS
    ),
    path("commands/close-key", command_view(CLOSED, _ANY_COMMAND, CloseKey, one_transaction(close_key.close))),
    path("user/balance", seamless.own_view, {"operation": "user/balance"}),
    path("transaction/<str:name>", seamless.own_transaction_view),
    path("aggregators/<str:provider>/<path:operation>", seamless.aggregator_view),
    path("webhooks/payments", webhook_view),
    path("healthz", views.healthz),
    path("metrics", views.metrics),
    re_path("", views.unknown_path),
]
