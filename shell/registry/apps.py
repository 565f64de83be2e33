from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "shell.registry"
    label = "registry"
