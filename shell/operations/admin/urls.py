from django.contrib.admin import site
from django.urls import path

urlpatterns = [path("", site.urls)]

handler400 = "shell.operations.admin.errors.bad_request"
handler403 = "shell.operations.admin.errors.forbidden"
handler404 = "shell.operations.admin.errors.not_found"
handler500 = "shell.operations.admin.errors.broken"
