from django.urls import path

from bff.contracts.paths import METRICS_PATH
from shell import preview, script_errors, sign_in
from shell.actions import act
from shell.operations import views as operations
from shell.operations.registry_api.api import api as registry_api

urlpatterns = [
    path("slots/<str:key>/<str:slot_name>/<slug:target>/<path:rest>", act),
    path("slots/<str:key>/<str:slot_name>/<slug:target>", act),
    path("slots/<str:key>/<str:slot_name>/<slug:target>/", act),
    path("sign-in/", sign_in.sign_in, name="sign-in"),
    path("sign-out/", sign_in.sign_out, name="sign-out"),
    path("sign-out/everywhere/", sign_in.sign_out_everywhere, name="sign-out-everywhere"),
    path("reality-check/", sign_in.reality_check),
    path("preview/end/", preview.leave),
    path("preview/<str:link>/", preview.open_link),
    path("script-errors/", script_errors.report),
    path(METRICS_PATH.removeprefix("/"), operations.metrics),
    path("operations/", operations.board, name="board"),
    path("gallery/", operations.gallery),
    path("registry/v1/", registry_api.urls),
]

handler400 = "shell.pages.errors.bad_request"
handler403 = "shell.pages.errors.forbidden"
handler404 = "shell.pages.errors.not_found"
handler500 = "shell.pages.errors.broken"
