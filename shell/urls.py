from django.urls import path

from shell.actions import act
from shell.operations import views as operations
from shell.players import views as players

urlpatterns = [
    path("slots/<str:key>/<slug:slot_name>/<slug:target>/<path:rest>", act),
    path("sign-in/", players.sign_in, name="sign-in"),
    path("sign-out/", players.sign_out, name="sign-out"),
    path("sign-out/everywhere/", players.sign_out_everywhere, name="sign-out-everywhere"),
    path("reality-check/", players.reality_check),
    path("metrics", operations.metrics),
    path("operations/", operations.board, name="board"),
]

handler400 = "shell.pages.errors.bad_request"
handler403 = "shell.pages.errors.forbidden"
handler404 = "shell.pages.errors.not_found"
handler500 = "shell.pages.errors.broken"
