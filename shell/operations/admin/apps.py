from django.contrib.admin.apps import SimpleAdminConfig


class OperatorsAdminConfig(SimpleAdminConfig):
    """Django's admin without autodiscovery: `site.py` registers all models."""

    default_site = "shell.operations.admin.site.OperatorsSite"
