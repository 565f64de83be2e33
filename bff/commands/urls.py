"""Paths of the engine."""

from django.urls import path, re_path

from bff.commands import closing, seamless, views

urlpatterns = [
    path("commands/deposit", views.deposit_view),
    path("commands/claim-promotion", views.claim_view),
    path("commands/withdraw", views.withdraw_view),
    path("commands/cancel-withdrawal", views.cancel_withdrawal_view),
    path("commands/set-deposit-limit", views.deposit_limit_view),
    path("commands/self-exclude", views.self_exclude_view),
    path("commands/close-key", closing.close_key_view),
    path("user/balance", seamless.own_view, {"operation": "user/balance"}),
    path("transaction/<str:name>", seamless.own_transaction_view),
    path("aggregators/<str:provider>/<path:operation>", seamless.aggregator_view),
    path("webhooks/payments", views.webhook_view),
    path("healthz", views.healthz),
    path("metrics", views.metrics),
    re_path("", views.unknown_path),
]
