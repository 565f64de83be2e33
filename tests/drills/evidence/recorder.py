"""What a runner asks of a recorder, such as the one with a browser.

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
    """Watches one page through one drill. Nothing that a page does raises: what could not be taken is in `missing`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def before(self, within_s: float = 10) -> bool:
        """Load the page, and wait until every slot is fresh; whether that came."""

    def fault_began(self, *, ago_ms: int = 0) -> None:
        """The fault is on from this moment, or since `ago_ms`. Of several the first counts."""

    async def during(
        self,
        broken_slots: Collection[str],
        within_s: float = 10,
        *,
        surely: Collection[str] | None = None,
        siblings: Collection[str] | None = None,
        reload: bool = True,
    ) -> bool:
        """Load the page, again and again, until it shows the fault; whether that came. Then take pictures, axe and the
        digests of `siblings`: of all slots, where it is left out, but `broken_slots`, which the fault may touch.

        It shows the fault when every slot of `surely` says that it is not fresh (all `broken_slots` where it is left
        out), or with an empty `surely` any of `broken_slots`. Without any of these it is one load. Without `reload` the
        page that stands open is waited for.
        """

    def fault_ended(self, *, ago_ms: int = 0) -> None:
        """The last fault is over from this moment, or since `ago_ms`."""

    async def after(self, within_s: float = 10) -> bool:
        """Wait, without a reload, until every slot is fresh again; whether that came."""

    def evidence(self) -> Evidence:
        """Everything so far. Trace and video are only there once the recorder was left."""
