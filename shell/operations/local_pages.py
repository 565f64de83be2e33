"""The pages in this machine's registry, with the operations of the API. Access to its database and key makes the caller
an operator.

Public: `LocalPages`.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

from fragments.cli.verb_table import Answer
from shell.operations import page_changes
from shell.operations.local_registry import as_json
from shell.pages.document import read_document
from shell.registry import history, page_revisions, tokens
from shell.registry.page_revisions import subject_of


class LocalPages:
    """Calls the functions that the API calls; `actor` stands in the audit."""

    def __init__(self, actor: str) -> None:
        self._actor = actor

    def list(self) -> Answer:
        return as_json(page_changes.list_pages(page_changes.read_file()))

    def show(self, name: str) -> Answer:
        return as_json(page_revisions.show_page(name))

    def publish(self, document: dict[str, Any]) -> Answer:
        body = msgspec.json.encode(document)
        moved = page_changes.publish(
            read_document(body).page,
            body,
            file=page_changes.read_file(),
            operator=True,
            actor=self._actor,
            now=datetime.now(UTC),
        )
        return as_json(moved)

    def rollback(self, name: str, to: int | None, reason: str, expect: int | None) -> Answer:
        moved = page_changes.roll_back(
            name,
            to=to,
            reason=reason,
            expect=expect,
            file=page_changes.read_file(),
            operator=True,
            actor=self._actor,
            now=datetime.now(UTC),
        )
        return as_json(moved)

    def diff(self, name: str, before: int, after: int) -> Answer:
        return as_json(page_revisions.compare_pages(name, before, after))

    def audit(self, name: str, limit: int) -> Answer:
        return as_json(history.read_audit(subject_of(name), limit))

    def token_make(self, name: str, purpose: str, label: str, days: int) -> Answer:
        made = tokens.make_token(
            subject_of(name),
            tokens.Purpose(purpose),
            name=label,
            days=days,
            actor=self._actor,
            now=datetime.now(UTC),
        )
        return as_json(made)

    def token_list(self, name: str) -> Answer:
        return as_json(tokens.list_tokens(subject_of(name), now=datetime.now(UTC)))

    def token_revoke(self, name: str, prefix: str) -> Answer:
        return as_json(tokens.revoke_token(subject_of(name), prefix, actor=self._actor, now=datetime.now(UTC)))
