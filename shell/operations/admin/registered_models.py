"""The models in the operators' admin, with their columns and verbs.

Public: `MODELS`.
"""

from django.db.models import Model

from shell.operations.admin import verbs
from shell.operations.admin.read_only_admin import ReadOnlyAdmin, read_only_admin
from shell.registry import models

_NEWEST = ("-pk",)

MODELS: dict[type[Model], type[ReadOnlyAdmin]] = {
    models.LiveRelease: read_only_admin(
        *("fragment", "release"),
        verbs=verbs.FRAGMENT,
        asks=("reason", "origins", "rule"),
        search_fields=("fragment",),
        list_select_related=("release",),
        ordering=("fragment",),
    ),
    models.Registration: read_only_admin(
        *("fragment", "trust", "origins", "pictures", "frames", "scopes", "follow"),
        verbs=(verbs.ORIGINS,),
        asks=("origins",),
        search_fields=("fragment",),
        ordering=("fragment",),
    ),
    models.Release: read_only_admin(
        *("fragment", "version", "digest", "content", "manifest_url", "published_at"),
        search_fields=("fragment", "version", "digest", "content"),
        list_filter=("fragment",),
        ordering=_NEWEST,
    ),
    models.Rollout: read_only_admin(
        *("fragment", "release", "share", "steps", "step", "held_back", "since", "actor"),
        verbs=verbs.TRIAL,
        asks=("reason",),
        list_select_related=("release",),
        ordering=("fragment",),
    ),
    models.Hold: read_only_admin(
        *("fragment", "reason", "actor", "since"), verbs=(verbs.RESUME,), ordering=("fragment",)
    ),
    models.Waiver: read_only_admin(
        *("fragment", "rule", "reason", "actor", "since"), verbs=verbs.WAIVER, ordering=("fragment", "rule")
    ),
    models.Token: read_only_admin(
        *("prefix", "name", "fragment", "purpose", "environment"),
        *("made_by", "made_at", "expires_at", "last_used_at", "revoked_at"),
        verbs=verbs.TOKEN,
        hidden=("digest",),
        search_fields=("prefix", "name", "fragment"),
        list_filter=("purpose",),
        ordering=("-made_at",),
    ),
    models.TeamMember: read_only_admin(
        "fragment", "account", search_fields=("fragment", "account"), ordering=("fragment",)
    ),
    models.LivePage: read_only_admin(
        *("page", "revision"),
        verbs=verbs.PAGE,
        asks=("reason",),
        list_select_related=("revision",),
        ordering=("page",),
    ),
    models.PageRevision: read_only_admin(
        *("page", "number", "digest", "actor", "published_at"), search_fields=("page",), ordering=_NEWEST
    ),
    models.AuditEntry: read_only_admin(
        *("at", "environment", "actor", "action", "fragment", "release", "detail"),
        search_fields=("actor", "fragment", "detail"),
        list_filter=("action",),
        list_select_related=("release",),
        date_hierarchy="at",
        ordering=_NEWEST,
    ),
}
