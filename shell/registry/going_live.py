"""The one place that changes the live release: by a publish, a promotion or a rollback.

Public: `go_live`, `OLD_PAGES_S`, `EARLIER_MAX`.
"""

from datetime import datetime, timedelta

from shell.registry import models

# As long as a page may stand open, and so many of a fragment's earlier releases at most.
OLD_PAGES_S = 6 * 3600
EARLIER_MAX = 4


def go_live(fragment: str, release: models.Release, *, now: datetime, withdrawn: models.Release | None = None) -> None:
    """Make `release` live; to be called in a transaction, with an audit entry beside it.

    Pages that the one before drew go on with it, unless it is `withdrawn`: then their forms are not sent any more.
    """
    live = models.LiveRelease.objects.filter(fragment=fragment).first()
    if live is not None and live.release_id != release.pk and (withdrawn is None or live.release_id != withdrawn.pk):
        models.Superseded.objects.update_or_create(release_id=live.release_id, defaults={"at": now})
    gone = models.Superseded.objects.filter(release__fragment=fragment, at__lt=now - timedelta(seconds=OLD_PAGES_S))
    gone.delete()
    models.Superseded.objects.filter(release=release).delete()
    models.LiveRelease.objects.update_or_create(fragment=fragment, defaults={"release": release})
