"""One change of the registry at a time, whichever process makes it: what a change has checked holds when it is written.

Public: `serialized`.
The audit's ids are the snapshot's generations. Changes side by side would commit in another order than they took
theirs, and a shell that had read the higher one would never load the lower.
"""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import transaction

from shell.registry import models

P = ParamSpec("P")
R = TypeVar("R")


def serialized(change: Callable[P, R]) -> Callable[P, R]:
    """`change` in a transaction that waits for every other change; one within another is part of it."""

    @wraps(change)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        with transaction.atomic():
            models.ChangeLock.objects.select_for_update().get_or_create(pk=1)
            return change(*args, **kwargs)

    return run
