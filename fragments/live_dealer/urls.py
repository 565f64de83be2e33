"""The live tables' addresses."""

from django.urls import path

from fragments.kit.routes import kit_routes
from fragments.live_dealer import views

urlpatterns = [
    *kit_routes(),
    path("", views.grid),
    path("grid", views.grid),
    path("grid/<path:kind>", views.grid),
    path("table/<path:table_id>", views.table),
]
