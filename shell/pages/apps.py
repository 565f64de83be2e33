from django.apps import AppConfig


class PagesConfig(AppConfig):
    name = "shell.pages"
    label = "pages"
