"""The last snapshot on disk: what a shell serves that starts while the database is away.

Public: `SnapshotFile`.
It goes into pages, so it is sealed: whoever else can write the file can not make one.
"""

import hashlib
import hmac
import os
import tempfile
from pathlib import Path
from types import MappingProxyType

import msgspec

from bff.resilience import log
from shell.composition.release import Snapshot
from shell.registry.holds import FragmentHold
from shell.registry.snapshot_loader import Holds

_SEAL_BYTES = 32
_SHAPE = b"shell.registry.snapshot.7"  # another number for another shape

logger = log.get("registry")


class SnapshotFile:
    """One file at `path`, sealed with `secret`; every process of a machine may write it. Nothing here raises."""

    def __init__(self, path: Path, secret: str) -> None:
        self._path = path
        self._key = hashlib.sha256(_SHAPE + secret.encode()).digest()

    def write(self, snapshot: Snapshot, holds: Holds) -> None:
        """Put it in the place of the one before, whole or not at all."""
        data = msgspec.msgpack.encode((snapshot, holds), enc_hook=dict)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
            with os.fdopen(handle, "wb") as file:
                file.write(hmac.digest(self._key, data, "sha256") + data)
            os.replace(name, self._path)
        except OSError as error:
            logger.warning("snapshot_unwritten", detail=str(error))

    def read(self) -> tuple[Snapshot, Holds] | None:
        """What was written last, None where there is nothing that this shell has sealed."""
        try:
            sealed = self._path.read_bytes()
        except OSError:
            return None
        seal, data = sealed[:_SEAL_BYTES], sealed[_SEAL_BYTES:]
        if not hmac.compare_digest(seal, hmac.digest(self._key, data, "sha256")):
            logger.warning("snapshot_not_sealed_by_this_shell", path=str(self._path))
            return None
        try:
            snapshot, holds = msgspec.msgpack.decode(data, type=tuple[Snapshot, dict[str, FragmentHold]])
        except msgspec.MsgspecError as error:
            logger.warning("snapshot_unreadable", detail=str(error))
            return None
        return snapshot, MappingProxyType(holds)
