from django.apps import AppConfig
from django.db.models.signals import pre_delete


class PlayersConfig(AppConfig):
    name = "shell.players"
    label = "players"

    def ready(self) -> None:
        from shell.players.revoke import record_deleted

        pre_delete.connect(record_deleted, sender="players.Player", dispatch_uid="players.revoke")
