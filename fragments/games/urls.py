"""The catalogue's addresses."""

from django.urls import path

from fragments.games import views
from fragments.kit.routes import kit_routes

urlpatterns = [
    *kit_routes(),
    path("", views.shelf),
    path("shelf", views.shelf),
    path("catalogue", views.catalogue),
    path("actions/game", views.game),
]
