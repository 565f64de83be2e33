"""The Django app that holds the ledger's tables."""

from django.apps import AppConfig


class CommandsConfig(AppConfig):
    name = "bff.commands"
    label = "commands"
    default_auto_field = "django.db.models.BigAutoField"
