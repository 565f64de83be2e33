"""Paths of the engine."""

from django.urls import path, re_path

from bff.commands import views

urlpatterns = [
    path("commands/deposit", views.deposit_view),
    path("commands/claim-promotion", views.claim_view),
    path("webhooks/payments", views.webhook_view),
    path("healthz", views.healthz),
    path("metrics", views.metrics),
    re_path("", views.unknown_path),
]
