from django.apps import AppConfig


class CompositionConfig(AppConfig):
    name = "shell.composition"
    label = "composition"
