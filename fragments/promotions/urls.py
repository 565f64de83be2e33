"""The offers' addresses."""

from django.urls import path

from fragments.kit.routes import kit_routes
from fragments.promotions import views

urlpatterns = [
    *kit_routes(),
    path("", views.offers),
    path("offers", views.offers),
    path("actions/claim", views.claim),
]
