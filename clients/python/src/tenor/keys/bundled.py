"""Wrapped keys as a bundle carries them, so that sealing and opening go on while no registry answers. Pure.

    "keks": [{"name": "kek1", "kmsType": "aws-kms", "kmsKeyId": "arn:…", "kmsProps": {}, "shared": false}]
    "deks": [{"kekName": "kek1", "subject": "orders-value", "algorithm": "AES256_GCM", "version": 1,
              "encryptedKeyMaterial": "…", "commitment": "…", "ts": 1767312000000}]

Whoever uses them asks the key system to unwrap them, with credentials of its own: a bundle opens nothing by itself.
Three things are never in one, and a bundle that holds them is refused or does not answer for them:

    a key in the clear
    a person's key            who was erased stays erased, whoever kept an old file
    keys of a shared KEK      only the registry may unwrap those, and it is not there
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tenor.errors import KeyMissing
from tenor.keys.algorithms import DEFAULT
from tenor.schemas import LATEST, PERSONS, Dek, Kek

Row = Mapping[str, Any]

_KEK: Final = {"name": str, "kmsType": str, "kmsKeyId": str}
_DEK: Final = {"kekName": str, "subject": str, "algorithm": str, "version": int, "encryptedKeyMaterial": str, "ts": int}


@dataclass(frozen=True)
class BundledKeys:
    """KEKs by context and name; DEKs by KEK, subject and algorithm, versions ascending."""

    keks: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    deks: Mapping[tuple[str, str, str], Sequence[Row]] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, keks: Iterable[Any], deks: Iterable[Any]) -> BundledKeys:
        """Read the rows of a bundle. Raises ValueError, KeyError and TypeError for what they may not be."""
        typed = [_typed(row, _KEK) for row in keks]
        by_name = {(str(row.get("context") or ""), row["name"]): row for row in typed}
        by_key: dict[tuple[str, str, str], list[Row]] = {}
        for row in deks:
            _typed(row, _DEK)
            if not 0 < row["version"] < PERSONS or row.get("keyMaterial"):
                raise ValueError("a bundle holds neither persons' keys nor keys in the clear")
            if not b64decode(row["encryptedKeyMaterial"], validate=True):
                raise ValueError("encryptedKeyMaterial")
            by_key.setdefault((row["kekName"], row["subject"], row["algorithm"]), []).append(row)
        return cls(by_name, {key: sorted(rows, key=_version) for key, rows in by_key.items()})

    def answer(self, segments: Sequence[str], query: Mapping[str, Sequence[str]], *, lasting: bool) -> Row | None:
        """What the DEK registry would answer to a GET below `keks`, or None where a bundle cannot know.

        `lasting`: the registry was asked the same before, so that the newest may be another by now.
        """
        deleted = query.get("deleted", [""])[0] == "true"
        match segments:
            case [name]:
                return _alive(self.keks.get((_context(query), name)), deleted)
            case [kek, "deks", subject, "versions", number]:
                rows = self._rows(kek, subject, query)
                if number != str(LATEST):
                    return _alive(next((row for row in rows if str(row["version"]) == number), None), deleted)
                return None if lasting else next((row for row in reversed(rows) if _alive(row, deleted)), None)
        return None

    def refusal(self, segments: Sequence[str], query: Mapping[str, Sequence[str]]) -> KeyMissing | None:
        """Why there can be no answer without the registry, where that is known."""
        match segments:
            case [kek, "deks", subject, "versions", _] if self.keks.get((_context(query), kek), {}).get("shared"):
                reason = f"{kek} is shared, so that only the registry unwraps its keys, and that does not answer"
                return KeyMissing(name=f"{kek}/{subject}/{_algorithm(query)}", reason=reason)
        return None

    def shown(self) -> list[dict[str, Any]]:
        """What is there, without any material: sorted by KEK, subject and algorithm."""
        return [
            {"kek": kek, "subject": subject, "algorithm": algorithm, "versions": [row["version"] for row in rows]}
            for (kek, subject, algorithm), rows in sorted(self.deks.items())
        ]

    def __len__(self) -> int:
        return sum(map(len, self.deks.values()))

    def _rows(self, kek: str, subject: str, query: Mapping[str, Sequence[str]]) -> Sequence[Row]:
        return self.deks.get((kek, subject, _algorithm(query)), ())


def kek_row(kek: Kek, context: str = "") -> dict[str, Any]:
    """A KEK as a bundle keeps it."""
    row: dict[str, Any] = {"name": kek.name, "kmsType": kek.kms_type, "kmsKeyId": kek.kms_key_id}
    more = {"kmsProps": dict(kek.kms_props), "shared": kek.shared, "deleted": kek.deleted, "context": context}
    return row | {name: value for name, value in more.items() if value}


def dek_row(dek: Dek) -> dict[str, Any]:
    """A wrapped DEK as a bundle keeps it: what a registry may have told of the key itself is left out."""
    row: dict[str, Any] = {
        "kekName": dek.kek,
        "subject": dek.subject,
        "algorithm": dek.algorithm,
        "version": dek.version,
    }
    row |= {"encryptedKeyMaterial": _base64(dek.wrapped), "ts": dek.created}
    more = {"commitment": _base64(dek.commitment), "deleted": dek.deleted}
    return row | {name: value for name, value in more.items() if value}


def _typed(row: Any, kinds: Mapping[str, type]) -> Row:
    for name, kind in kinds.items():
        if not isinstance(row[name], kind):
            raise TypeError(name)
    found: Row = row
    return found


def _alive(row: Row | None, deleted: bool) -> Row | None:
    return row if row is not None and (deleted or not row.get("deleted")) else None


def _version(row: Row) -> int:
    return int(row["version"])


def _context(query: Mapping[str, Sequence[str]]) -> str:
    return query.get("context", [""])[0]


def _algorithm(query: Mapping[str, Sequence[str]]) -> str:
    return query.get("algorithm", [DEFAULT])[0]


def _base64(data: bytes) -> str:
    return b64encode(data).decode("ascii")
