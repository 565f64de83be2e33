"""The live tables' addresses."""

from django.urls import path

from fragments.kit.routes import kit_routes
from fragments.live_dealer import betting, views

urlpatterns = [
    *kit_routes(),
    path("", views.grid),
    path("grid", views.grid),
    path("grid/<path:kind>", views.grid),
    path("table/<path:table_id>", views.table),
    path("slip/<path:table_id>", betting.show_slip),
    path("bets/<path:table_id>", betting.show_bets),
    path("actions/bet/<path:table_id>", betting.bet),
]
