from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "shell.operations"
    label = "operations"

    def ready(self) -> None:
        from shell.operations import production  # noqa: F401  its checks register themselves
