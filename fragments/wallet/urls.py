"""The wallet's addresses."""

from django.urls import path

from fragments.kit.routes import kit_routes
from fragments.wallet import views

urlpatterns = [
    *kit_routes(),
    path("", views.cashier),
    path("summary", views.summary),
    path("cashier", views.cashier),
    path("actions/deposit", views.deposit),
]
