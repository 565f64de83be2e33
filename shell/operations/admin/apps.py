from django.contrib.admin.apps import SimpleAdminConfig


class OperatorsAdminConfig(SimpleAdminConfig):
    """Django's admin, which looks for no admin of its own: `site.py` says what there is."""

    default_site = "shell.operations.admin.site.OperatorsSite"
