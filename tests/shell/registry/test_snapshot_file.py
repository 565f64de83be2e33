"""A shell that starts while the database is away serves the last snapshot from its file, and only one that it sealed
itself.
"""

from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.db import OperationalError

from shell.composition.release import Snapshot, Trust
from shell.registry import snapshot_poller
from shell.registry.holds import hold
from shell.registry.origins import Origins
from shell.registry.publish import Trial, publish
from shell.registry.snapshot_file import SnapshotFile
from shell.registry.snapshot_loader import Holds, load_snapshot
from tests.origin.server import Origin

pytestmark = pytest.mark.django_db(transaction=True)


async def published() -> None:
    """A live release, another on trial, and a hold on the fragment."""
    origins = Origins([], loopback=True)
    async with Origin() as origin:
        url = f"{origin.url}/manifest.json"
        await publish(url, origins=origins, actor="tests", trust=Trust.FIRST_PARTY)
        await origin.fail("odd-manifest=changing", at="/manifest.json")
        await publish(url, origins=origins, actor="tests", trial=Trial(25))
    await sync_to_async(hold)("origin", reason="drill", actor="ops")


def away(current: Snapshot, holds: Holds) -> tuple[Snapshot, Holds]:
    raise OperationalError("the database is away")


async def test_cold_start_without_the_database_serves_what_was_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Releases, trials, styles and holds are unchanged; the database is followed once it is back."""
    await published()
    path = tmp_path / "data" / "snapshot"
    before = snapshot_poller.SnapshotPoller(file=SnapshotFile(path, "secret"))
    await before.refresh()
    monkeypatch.setattr(snapshot_poller, "load_snapshot", away)
    seen: list[Snapshot] = []
    cold = snapshot_poller.SnapshotPoller(lambda snapshot, holds: seen.append(snapshot), SnapshotFile(path, "secret"))
    await cold.start()
    try:
        assert cold.current == before.current
        assert cold.holds == before.holds
        assert cold.current.canaries["origin"].share == 2500
        assert cold.current.releases["origin"].isolation == before.current.releases["origin"].isolation
        assert not cold.current.releases["origin"].sandboxed
        assert seen == [cold.current]
        monkeypatch.setattr(snapshot_poller, "load_snapshot", load_snapshot)
        await cold.refresh()
        assert cold.current.generation == before.current.generation
    finally:
        await cold.stop()


def test_file_that_this_shell_did_not_seal_is_not_served(tmp_path: Path) -> None:
    """A file with another key, with a changed byte, truncated, or missing."""
    path = tmp_path / "snapshot"
    file = SnapshotFile(path, "secret")
    assert file.read() is None
    file.write(Snapshot(7), {})
    whole = path.read_bytes()
    assert file.read() is not None
    assert SnapshotFile(path, "another").read() is None
    for broken in (whole[:-1] + bytes([whole[-1] ^ 1]), whole[:-9], b""):
        path.write_bytes(broken)
        assert file.read() is None
    assert [each.name for each in tmp_path.iterdir()] == ["snapshot"]


def test_folder_that_can_not_be_written_stops_no_shell(tmp_path: Path) -> None:
    """The shell keeps serving its snapshot from memory."""
    (tmp_path / "file").write_bytes(b"")
    SnapshotFile(tmp_path / "file" / "snapshot", "secret").write(Snapshot(), {})


async def test_database_that_is_empty_is_believed(tmp_path: Path) -> None:
    """An older file is not served once the database answers with no release."""
    path = tmp_path / "snapshot"
    file = SnapshotFile(path, "secret")
    file.write(Snapshot(7), {})
    poller = snapshot_poller.SnapshotPoller(file=file)
    await poller.start()
    await poller.stop()
    assert poller.current.generation == 0
