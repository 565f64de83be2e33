"""The interface of a recorder, such as the one with a browser.

Public: `Recorder`.

    async with BrowserRecorder(base_url, folder=folder, tester=Visitor(cookies={COOKIE: mark})) as recorder:
        await recorder.before()
        ...                                # break the hop
        recorder.fault_began()
        await recorder.during({"promotions"}, within_s=10)
        ...                                # heal it, or wait until it has healed by itself
        recorder.fault_ended()
        await recorder.after(within_s=10)
        evidence = recorder.evidence()
"""

from collections.abc import Collection
from types import TracebackType
from typing import Protocol, Self

from tests.drills.evidence.value import Evidence


class Recorder(Protocol):
    """Watches one page during one drill. A page that fails raises nothing: evidence that could not be taken is in
    `missing`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def before(self, within_s: float = 10) -> bool:
        """Load the page, and wait until every slot is fresh; returns whether it became so."""

    def fault_began(self, *, ago_ms: int = 0) -> None:
        """The fault began at this moment, or `ago_ms` before. Only the first call counts."""

    async def during(
        self,
        broken_slots: Collection[str],
        within_s: float = 10,
        *,
        surely: Collection[str] | None = None,
        siblings: Collection[str] | None = None,
        reload: bool = True,
    ) -> bool:
        """Load the page again and again until it shows the fault; returns whether it did. Then take pictures, run axe
        and digest the `siblings`; if left out, these are all slots but `broken_slots`, which the fault may touch.

        The page shows the fault when every slot of `surely` (if left out: of `broken_slots`) is not fresh; with an
        empty `surely`, when any of `broken_slots` is not. Without any of these the page is loaded once. Without
        `reload` the open page is watched instead.
        """

    def fault_ended(self, *, ago_ms: int = 0) -> None:
        """The last fault ended at this moment, or `ago_ms` before."""

    async def after(self, within_s: float = 10) -> bool:
        """Wait, without a reload, until every slot is fresh again; returns whether it became so."""

    def evidence(self) -> Evidence:
        """Everything so far. Trace and video exist only after the recorder's `async with` block."""
