"""A model in the admin: every operator may look at it; it is changed only by its verbs.

Public: `ReadOnlyAdmin`, `read_only_admin`.
"""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ActionForm
from django.db import Error
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse

from bff.resilience import log
from shell.operations.admin.verbs import REFUSALS, Verb, VerbInput

_CHARS_MAX = 2000
_LABELS = {"reason": "Reason, for the audit", "origins": "Origins, with blanks between", "rule": "Rule"}

logger = log.get("admin")


class ReadOnlyAdmin(ModelAdmin):  # type: ignore[type-arg]  # at run time it takes none
    """Read-only. `verbs` are its actions, which take a user with Django's permission to change this model.

    `hidden` are columns that no page shows.
    """

    verbs: tuple[Verb, ...] = ()
    hidden: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    list_per_page = 50
    show_full_result_count = False
    change_form_template = "operators/change_form.html"

    @property
    def action_form(self) -> type[ActionForm]:  # fields for the values that the model's verbs need
        fields = {name: forms.CharField(label=_LABELS[name], required=False) for name in self.asks}
        return type("VerbForm", (ActionForm,), fields)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return self.hidden

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True  # the site lets nobody in but staff

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """No history page: the audit has the history."""
        raise Http404

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """One for each verb, where this user may: none of Django's own."""
        if not request.user.has_perm(f"{self.opts.app_label}.change_{self.opts.model_name}"):
            return {}
        return {verb.name: (_action(verb), verb.name, verb.says) for verb in self.verbs}


def _action(verb: Verb) -> Any:
    def act(admin: ReadOnlyAdmin, request: HttpRequest, rows: QuerySet[Model]) -> None:
        given = _given(request, admin.asks)
        for row in rows:
            try:
                admin.message_user(request, f"{verb.run(row, given)}.", messages.SUCCESS)
            except REFUSALS as refused:
                admin.message_user(request, str(refused), messages.ERROR)
            except Error as error:
                logger.warning("registry_unanswered", detail=str(error))
                sentence = f"The database did not store the change for {row}. Look at the audit before you repeat it."
                admin.message_user(request, sentence, messages.ERROR)

    return act


def _given(request: HttpRequest, names: tuple[str, ...]) -> VerbInput:
    words = {name: request.POST.get(name, "").strip()[:_CHARS_MAX] for name in names}
    return VerbInput(actor=request.user.get_username(), now=datetime.now(UTC), **words)


def read_only_admin(*columns: str, **traits: Any) -> type[ReadOnlyAdmin]:
    """An admin with these columns, in the order of `ordering`, with further attributes of `ReadOnlyAdmin`."""
    return type("ReadOnlyAdmin", (ReadOnlyAdmin,), {"list_display": columns, **traits})
