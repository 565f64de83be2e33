from django.apps import AppConfig
from django.db.models.signals import post_migrate, post_save


class RegistryConfig(AppConfig):
    name = "shell.registry"
    label = "registry"

    def ready(self) -> None:
        from shell.registry.audit_triggers import install_after_migrate
        from shell.registry.change_hints import announce_written

        post_save.connect(announce_written, sender="registry.AuditEntry", dispatch_uid="registry.change_hints")
        post_migrate.connect(install_after_migrate, sender=self, dispatch_uid="registry.audit_triggers")
