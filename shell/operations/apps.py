from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "shell.operations"
    label = "operations"
