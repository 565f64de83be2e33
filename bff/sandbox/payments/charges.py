"""The charges, stored in a journal that survives a restart.

Public: `Charge`, `Charges`, `KeyReused`.
"""

import hashlib
from pathlib import Path
from typing import BinaryIO

import msgspec


class Charge(msgspec.Struct, frozen=True, omit_defaults=True):
    """One charge. `status` is approved, declined or processing; `decline_reason` is empty unless it was declined."""

    charge_id: str
    reference: str
    amount_minor: int
    currency: str
    status: str
    decline_reason: str = ""

    def public(self) -> dict[str, object]:
        fields: dict[str, object] = msgspec.to_builtins(self)
        return fields


class Line(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of the journal: a charge as it is from here on, or that its webhook was delivered."""

    charge: Charge | None = None
    key: str = ""
    digest: str = ""
    delivered: str = ""


class KeyReused(Exception):
    """The idempotency key came before, with another body."""


class Charges:
    """Charges by id, by reference and by idempotency key. `path` None keeps them in memory only."""

    def __init__(self, path: Path | None) -> None:
        self._by_id: dict[str, Charge] = {}
        self._by_key: dict[str, tuple[str, str]] = {}
        self._by_reference: dict[str, list[str]] = {}
        self._delivered: set[str] = set()
        self._journal: BinaryIO | None = None
        if path is not None:
            self._open(path)

    def __len__(self) -> int:
        return len(self._by_id)

    def find(self, key: str, body: bytes) -> Charge | None:
        """The charge made under `key`, None when there is none; `KeyReused` when its body was another."""
        found = self._by_key.get(key)
        if found is None:
            return None
        digest, charge_id = found
        if digest != _digest(body):
            raise KeyReused
        return self._by_id[charge_id]

    def add(self, key: str, body: bytes, charge: Charge) -> None:
        self._write(Line(charge=charge, key=key, digest=_digest(body)))

    def change(self, charge: Charge) -> None:
        self._write(Line(charge=charge))

    def delivered(self, charge_id: str) -> None:
        self._write(Line(delivered=charge_id))

    def by_reference(self, reference: str) -> list[Charge]:
        return [self._by_id[charge_id] for charge_id in self._by_reference.get(reference, [])]

    def unfinished(self) -> list[Charge]:
        """Those whose webhook has not been delivered, oldest first."""
        return [charge for charge in self._by_id.values() if charge.charge_id not in self._delivered]

    def next_id(self) -> str:
        return f"ch_{len(self._by_id) + 1:06d}"

    def close(self) -> None:
        if self._journal is not None:
            self._journal.close()

    def _write(self, line: Line) -> None:
        if self._journal is not None:
            self._journal.write(msgspec.json.encode(line) + b"\n")
        self._apply(line)

    def _apply(self, line: Line) -> None:
        if line.delivered:
            self._delivered.add(line.delivered)
        if line.charge is None:
            return
        if line.charge.charge_id not in self._by_id:
            self._by_reference.setdefault(line.charge.reference, []).append(line.charge.charge_id)
        self._by_id[line.charge.charge_id] = line.charge
        if line.key:
            self._by_key[line.key] = (line.digest, line.charge.charge_id)

    def _open(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = 0
        if path.exists():
            for raw in path.read_bytes().splitlines(keepends=True):
                if not raw.endswith(b"\n"):
                    break  # a kill in mid-write leaves half a line, which nobody was told of
                self._apply(msgspec.json.decode(raw, type=Line))
                whole += len(raw)
        self._journal = path.open("ab", buffering=0)
        self._journal.truncate(whole)


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
