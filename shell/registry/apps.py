from django.apps import AppConfig
from django.db.models.signals import post_migrate, post_save


class RegistryConfig(AppConfig):
    name = "shell.registry"
    label = "registry"

    def ready(self) -> None:
        from shell.registry.change_hints import announce_written
        from shell.registry.immutable_rows import install_after_migrate

        post_save.connect(announce_written, sender="registry.AuditEntry", dispatch_uid="registry.change_hints")
        post_migrate.connect(install_after_migrate, sender=self, dispatch_uid="registry.immutable_rows")
