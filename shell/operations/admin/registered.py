"""The models in the operators' admin, with their columns and verbs.

Public: `MODELS`.
"""

from django.db.models import Model

from shell.operations.admin import verbs
from shell.operations.admin.models_shown import Shown, shown
from shell.registry import models

_NEWEST = ("-pk",)

MODELS: dict[type[Model], type[Shown]] = {
    models.LiveRelease: shown(
        *("fragment", "release"),
        verbs=verbs.FRAGMENT,
        asks=("reason", "origins", "rule"),
        search_fields=("fragment",),
        list_select_related=("release",),
        ordering=("fragment",),
    ),
    models.Registration: shown(
        *("fragment", "trust", "origins", "pictures", "frames", "scopes", "follow"),
        verbs=(verbs.ORIGINS,),
        asks=("origins",),
        search_fields=("fragment",),
        ordering=("fragment",),
    ),
    models.Release: shown(
        *("fragment", "version", "digest", "content", "manifest_url", "published_at"),
        search_fields=("fragment", "version", "digest", "content"),
        list_filter=("fragment",),
        ordering=_NEWEST,
    ),
    models.Rollout: shown(
        *("fragment", "release", "share", "steps", "step", "held_back", "since", "actor"),
        verbs=verbs.TRIAL,
        asks=("reason",),
        list_select_related=("release",),
        ordering=("fragment",),
    ),
    models.Hold: shown(*("fragment", "reason", "actor", "since"), verbs=(verbs.RESUME,), ordering=("fragment",)),
    models.Waiver: shown(
        *("fragment", "rule", "reason", "actor", "since"), verbs=verbs.WAIVER, ordering=("fragment", "rule")
    ),
    models.Token: shown(
        *("prefix", "name", "fragment", "purpose", "environment"),
        *("made_by", "made_at", "expires_at", "last_used_at", "revoked_at"),
        verbs=verbs.TOKEN,
        hidden=("digest",),
        search_fields=("prefix", "name", "fragment"),
        list_filter=("purpose",),
        ordering=("-made_at",),
    ),
    models.TeamMember: shown("fragment", "account", search_fields=("fragment", "account"), ordering=("fragment",)),
    models.LivePage: shown(
        *("page", "revision"),
        verbs=verbs.PAGE,
        asks=("reason",),
        list_select_related=("revision",),
        ordering=("page",),
    ),
    models.PageRevision: shown(
        *("page", "number", "digest", "actor", "published_at"), search_fields=("page",), ordering=_NEWEST
    ),
    models.AuditEntry: shown(
        *("at", "environment", "actor", "action", "fragment", "release", "detail"),
        search_fields=("actor", "fragment", "detail"),
        list_filter=("action",),
        list_select_related=("release",),
        date_hierarchy="at",
        ordering=_NEWEST,
    ),
}
