"""The rungs of the ladder: what fills a slot, and the reason why it is no better.

Public: `Included`, `included_from_outcome`, `included_from_failure`.
"""

from datetime import datetime

import msgspec

from bff.contracts.page_head import PageHead
from bff.resilience.outcome import Failure, Outcome, State
from bff.resilience.reason import Reason
from bff.resilience.reason_properties import PROPERTIES
from shell.composition.body import Body, contained_fallback
from shell.composition.include import Include
from shell.composition.outage import Repeated
from shell.composition.page import Slot
from shell.composition.release import Release


class Included(msgspec.Struct, frozen=True, eq=False):
    """What fills the slot. `html` is contained; it is empty where the shell draws its own card.

    `status` is the fragment's answer, None without one; `ms` is what the include took. `repeated` where it fills the
    slot of more than one visit. `upstream` names what failed: the fragment, or the upstream of its own that it reports
    as failed; it is empty where nothing failed, or where the shell itself decided. `version_seen` is the version that
    answered where it is not the release's. `page_head` is what a primary slot says of its page.
    """

    slot: Slot
    state: State
    html: bytes
    release: Release | None
    reason: Reason | None = None
    detail: str = ""
    as_of: datetime | None = None
    status: int | None = None
    retry_after_ms: int | None = None
    ms: int = 0
    repeated: Repeated | None = None
    upstream: str = ""
    version_seen: str = ""
    page_head: PageHead | None = None

    @property
    def version(self) -> str:
        return self.release.manifest.version if self.release else ""


def included_from_outcome(include: Include, outcome: Outcome[Body]) -> Included:
    """What a fragment answered, now or when it was last well."""
    slot, release, body = include.slot, include.release, outcome.value
    if outcome.state is State.STALE:
        return Included(
            slot,
            State.STALE,
            body.html,
            release,
            outcome.reason,
            outcome.detail,
            outcome.as_of,
            body.status,
            outcome.retry_after_ms,
            upstream=_blamed_fragment(slot, outcome.reason),
            version_seen=body.version_seen,
            page_head=body.page_head,
        )
    if body.degraded is not None:
        return Included(
            slot,
            State.DEGRADED,
            body.html,
            release,
            body.degraded,
            as_of=body.as_of,
            status=body.status,
            retry_after_ms=body.retry_after_ms,
            upstream=body.upstream or slot.fragment,
            version_seen=body.version_seen,
            page_head=body.page_head,
        )
    return Included(
        slot,
        State.FRESH,
        body.html,
        release,
        as_of=outcome.as_of,
        status=body.status,
        version_seen=body.version_seen,
        page_head=body.page_head,
    )


def included_from_failure(include: Include, failure: Failure) -> Included:
    """The rungs below: the release's own fallback, else the shell's card."""
    # To somebody who may not see it, "it is broken" would be a lie: the shell's card asks them to sign in.
    html = b"" if failure.reason is Reason.UNAUTHORISED else contained_fallback(include)
    return Included(
        include.slot,
        State.FALLBACK if html else State.PLACEHOLDER,
        html,
        include.release,
        failure.reason,
        failure.detail,
        status=failure.status,
        retry_after_ms=failure.retry_after_ms,
        upstream=_blamed_fragment(include.slot, failure.reason),
    )


def _blamed_fragment(slot: Slot, reason: Reason | None) -> str:
    return "" if reason is not None and PROPERTIES[reason].shell_decides else slot.fragment
