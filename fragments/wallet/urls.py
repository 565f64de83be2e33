"""The wallet's addresses."""

from django.urls import path

from fragments.kit.routes import kit_routes
from fragments.wallet import actions, views

urlpatterns = [
    *kit_routes(),
    path("", views.cashier),
    path("summary", views.summary),
    path("cashier", views.cashier),
    path("history", views.history),
    path("limits", views.limits),
    path("actions/deposit", actions.deposit),
    path("actions/withdraw", actions.withdraw),
    path("actions/cancel", actions.cancel),
    path("actions/limit", actions.limit),
    path("actions/break", actions.take_break),
]
