from django.apps import AppConfig


class PlayersConfig(AppConfig):
    name = "shell.players"
    label = "players"
