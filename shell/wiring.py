"""The parts of one shell process, put together once.

Public: `Parts`, `parts`, `start`, `stop`.
"""

from dataclasses import dataclass
from functools import cache

from django.conf import settings

from shell.composition.asking import Bearer
from shell.composition.compiler import Compiler
from shell.composition.include import Includer
from shell.composition.page import PageTable, Slot, Visit
from shell.composition.recent import Recent
from shell.composition.stream import Composer
from shell.composition.upstreams import Upstreams
from shell.pages.table import NOT_FOUND, read_pages
from shell.players.context import Minter
from shell.players.revocation import Revocations
from shell.registry.keeper import SnapshotKeeper


@dataclass(frozen=True, slots=True)
class Parts:
    """What a request of any kind may need; all of it lives as long as the process."""

    pages: PageTable
    registry: SnapshotKeeper
    upstreams: Upstreams
    composer: Composer
    minter: Minter
    revocations: Revocations
    bearer: Bearer
    recent: Recent


@cache
def parts() -> Parts:
    upstreams = Upstreams()
    recent = Recent()
    minter = Minter(settings.PLAYER_CONTEXT_PRIVATE_KEY)

    def bearer(visit: Visit, slot: Slot) -> str:
        return minter.bearer(visit.player, slot.fragment, slot.scopes, currency=visit.currency, locale=visit.locale)

    return Parts(
        pages=read_pages(settings.PAGES),
        registry=SnapshotKeeper(on_change=upstreams.forget_except),
        upstreams=upstreams,
        composer=Composer(Compiler(), Includer(upstreams, bearer, watch=recent.note), NOT_FOUND),
        minter=minter,
        revocations=Revocations(settings.REDIS_URL, keep_s=settings.PLAYER_COOKIE_AGE_S),
        bearer=bearer,
        recent=recent,
    )


async def start() -> None:
    """Start what runs beside the requests. A second call does nothing."""
    await parts().revocations.start()
    await parts().registry.start()


async def stop() -> None:
    """End what `start` began and close every connection."""
    await parts().registry.stop()
    await parts().revocations.stop()
    await parts().upstreams.aclose()
