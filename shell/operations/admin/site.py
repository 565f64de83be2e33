"""The admin's site: for active staff only; sign-in attempts are limited as on the players' sign-in.

Public: `OperatorsSite`.
"""

from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError

from bff.resilience.policies import house_policy
from shell.fleet.redis_stores import connect
from shell.players.throttle import SignInThrottle, ThrottlePolicy, attempt_counters


class OperatorForm(AdminAuthenticationForm):
    """Django's sign-in form, which counts an attempt before it checks the password."""

    def clean(self) -> dict[str, Any]:
        throttle = SignInThrottle(connect(settings.REDIS_URL), house_policy("sign-in", ThrottlePolicy()))
        address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
        tries = attempt_counters(throttle.policy, name=self.data.get("username", ""), address=address, device="")
        if wait_s := async_to_sync(throttle.take)(tries):
            raise ValidationError(f"Too many tries, here or for this name. Try again in {wait_s} s.")
        cleaned = super().clean()
        async_to_sync(throttle.refund)(tries)
        return cleaned


class OperatorsSite(AdminSite):
    """Staff may sign in; each model decides what may be viewed."""

    site_header = site_title = "Mullion, for operators"
    index_template = "operators/index.html"
    login_form = OperatorForm
    enable_nav_sidebar = False
    site_url = None

    def __init__(self, name: str = "admin") -> None:
        super().__init__(name)
        from shell.operations.admin.registered_models import MODELS

        for model, admin in MODELS.items():
            self.register(model, admin)

    def each_context(self, request: Any) -> dict[str, Any]:
        """Every page names its environment, as the admins of two environments look the same."""
        return {**super().each_context(request), "site_header": f"{self.site_header}: {settings.ENVIRONMENT}"}
