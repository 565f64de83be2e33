"""This machine's registry, with the operations of the API, for callers with access to its database and key.

Public: `LocalRegistry`, `OutcomesElsewhere`, `as_json`.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings

from fragments.cli.verb_table import Answer
from shell.operations.machine_preview import preview_machine
from shell.operations.page_changes import live_table, read_file
from shell.registry import history, holds, previews, rollback, rollout, tokens, waivers


class OutcomesElsewhere(Exception):
    """The message says where outcomes are: in the memory of each shell that runs."""


class LocalRegistry:
    """Calls the functions that the API calls; `actor` stands in the audit."""

    def __init__(self, actor: str) -> None:
        self._actor = actor

    def list(self) -> Answer:
        return as_json(history.list_fragments())

    def show(self, name: str) -> Answer:
        return as_json(history.show_fragment(name))

    def diff(self, name: str, before: str, after: str) -> Answer:
        return as_json(history.compare(name, before, after))

    def audit(self, name: str, limit: int) -> Answer:
        return as_json(history.read_audit(name, limit))

    def hold(self, name: str, reason: str) -> Answer:
        with _naming_what_is_live():
            return {"changed": holds.hold(name, reason=reason, actor=self._actor)}

    def resume(self, name: str) -> Answer:
        with _naming_what_is_live():
            was = holds.resume(name, actor=self._actor)
        return {"changed": was is not None, "was": None if was is None else as_json(was)}

    def rollback(self, name: str, to: str, reason: str, expect: str) -> Answer:
        now = datetime.now(UTC)
        return as_json(rollback.roll_back(name, to=to, reason=reason, expect=expect, actor=self._actor, now=now))

    def canary(self, name: str, percent: float, release: str, promotes: bool, steps: str) -> Answer:
        now = datetime.now(UTC)
        return as_json(
            rollout.start_canary(
                name, percent=percent, release=release, promotes=promotes, steps=steps, actor=self._actor, now=now
            )
        )

    def promote(self, name: str, expect: str) -> Answer:
        return as_json(rollout.promote(name, actor=self._actor, now=datetime.now(UTC), expect=expect))

    def pause(self, name: str) -> Answer:
        return as_json(rollout.pause(name, actor=self._actor))

    def rules(self, name: str) -> Answer:
        return as_json(waivers.list_rules(name))

    def waive(self, name: str, rule: str, reason: str) -> Answer:
        return {"rule": rule, "changed": waivers.waive(name, rule, reason=reason, actor=self._actor)}

    def enforce(self, name: str, rule: str) -> Answer:
        return {"rule": rule, "changed": waivers.enforce(name, rule, actor=self._actor)}

    def preview(self, name: str, release: str, hours: float, machine: str) -> Answer:
        if machine:
            pages = live_table(read_file())
            return as_json(async_to_sync(preview_machine)(name, machine, hours=hours, actor=self._actor, pages=pages))
        now, origin = datetime.now(UTC), settings.PUBLIC_URL
        return as_json(previews.make_preview(name, release, hours=hours, origin=origin, actor=self._actor, now=now))

    def outcomes(self, name: str) -> Answer:
        raise OutcomesElsewhere(
            f"How {name} does is in the memory of a shell that runs. Name it with MULLION_URL and MULLION_TOKEN "
            "(fragment token make), or look at its status board."
        )

    def token_make(self, name: str, purpose: str, label: str, days: int) -> Answer:
        made = tokens.make_token(
            name, tokens.Purpose(purpose), name=label, days=days, actor=self._actor, now=datetime.now(UTC)
        )
        return as_json(made)

    def token_list(self, name: str) -> Answer:
        return as_json(tokens.list_tokens(name, now=datetime.now(UTC)))

    def token_revoke(self, name: str, prefix: str) -> Answer:
        return as_json(tokens.revoke_token(name, prefix, actor=self._actor, now=datetime.now(UTC)))


@contextmanager
def _naming_what_is_live() -> Iterator[None]:
    """The error for an unknown name lists the live ones."""
    try:
        yield
    except holds.NotLive as error:
        raise holds.HoldRefused(f"{error} Live: {', '.join(error.live) or 'none'}.") from error


def as_json(found: Any) -> Answer:
    """Dataclasses as the JSON that the API makes of them."""
    rows = [asdict(each) for each in found] if isinstance(found, list) else asdict(found)
    return json.loads(json.dumps(rows, default=lambda value: value.isoformat()))
