"""`/gallery/` of a running shell exists in development only."""

import pytest
from django.test import RequestFactory, override_settings

from shell.operations.views import gallery

pytestmark = pytest.mark.quick


@override_settings(GALLERY_URL="http://127.0.0.1:9060/gallery/")
def test_gallery_leads_to_the_bench_beside_a_shell_for_development() -> None:
    """GET is redirected to the bench; no other method is allowed."""
    answer = gallery(RequestFactory().get("/gallery/"))
    assert (answer.status_code, answer["location"]) == (302, "http://127.0.0.1:9060/gallery/")
    assert gallery(RequestFactory().post("/gallery/")).status_code == 405


@override_settings(GALLERY_URL="")
def test_shell_without_a_bench_has_no_such_page() -> None:
    """`/gallery/` is a 404 like any unknown path."""
    assert gallery(RequestFactory().get("/gallery/")).status_code == 404
