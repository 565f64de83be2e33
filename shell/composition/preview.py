"""A release that one browser is shown in place of what is live, and all that is kept apart for it.

Public: `Preview`, `current_preview`, `showing`, `snapshot_shown`.

Like a partition it belongs to the context of a request: what the request starts is shown the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from bff.contracts.partition import Partition
from bff.resilience.partition import current, within
from shell.composition.release import Release, Snapshot


@dataclass(frozen=True, slots=True)
class Preview:
    """`release` is shown until `ends` to the browser that was bound to `id`."""

    id: str
    release: Release
    ends: datetime

    @property
    def partition(self) -> Partition:
        """Guards and copies of its own; the mark is not passed on to other houses."""
        return Partition(f"preview-{self.id[:8]}", self.id, travels=False)


_preview: ContextVar[Preview | None] = ContextVar("preview", default=None)
current_preview = _preview.get


@contextmanager
def showing(preview: Preview) -> Iterator[None]:
    """What is done and started in here is shown `preview`. A tester's partition stays the one it is."""
    token = _preview.set(preview)
    try:
        if current() is None:
            with within(preview.partition):
                yield
        else:
            yield
    finally:
        _preview.reset(token)


def snapshot_shown(live: Snapshot) -> Snapshot:
    """What the running request is composed from: `live`, or that with the release of its preview in it.

    Addresses without a tag stay with what is live: pages that this browser opened before the preview have them.
    """
    preview = _preview.get()
    if preview is None:
        return live
    release, fragment = preview.release, preview.release.fragment
    before = live.untagged.get(fragment) or live.releases.get(fragment)
    return replace(
        live,
        releases=MappingProxyType({**live.releases, fragment: release}),
        canaries=MappingProxyType({name: each for name, each in live.canaries.items() if name != fragment}),
        tagged=MappingProxyType({**live.tagged, release.tag: release}),
        untagged=MappingProxyType({**live.untagged, **({fragment: before} if before else {})}),
        preview=preview.id,
    )
