"""A signed file of schemas, plans and wrapped keys for when no registry answers: who has it starts and goes on.

    bundle   = tenor.Bundle.read("orders.bundle", trusted=Path("release.pub.pem").read_bytes())
    registry = tenor.Registry("http://localhost:8081", bundle=bundle)

    tenor-bundle/1 <public key> <signature>      first line; Ed25519 over the name of the format and all that follows
    {"created": …, "registry": …, "schemas": [{"subject": …, "version": …, "id": …, "guid": …, "schema": …}],
     "upcasts": [{"subject": …, "old": 1, "new": 3, "plan": …}], "keks": […], "deks": […], …}

Verified with a key that the reader trusts before anything of it is parsed. It answers what cannot change (schemas by
id, guid and version, look-ups of a schema it holds), and what may have changed since (the newest version, the
plan by which old events are read) only to a client whom the registry never told better. What the registry said is not
there, it does not bring back. Keys are wrapped and nobody's in person (`tenor.keys.bundled`): the key system unwraps
them for whoever may.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import parse_qs, unquote

from tenor.errors import BadBundle, KeyMissing, MissingExtra
from tenor.keys.bundled import BundledKeys
from tenor.schemas import AVRO, JSON, LATEST, PROTOBUF, Registered

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

    from tenor.calls import Call

T = TypeVar("T")
Row = Mapping[str, Any]

FORMAT: Final = b"tenor-bundle/1"
MOST_BYTES: Final = 256 * 1024 * 1024
_KEKS: Final = ["dek-registry", "v1", "keks"]
_SHAPES: Final = {"subject": str, "version": int, "id": int, "schema": str, "schemaType": str}


@dataclass(frozen=True)
class Bundle:
    """Schemas of a registry as they were. `associations` are the subjects of topics: (topic, part) → subject.

    `upcasts` are proven plans by subject, the version that wrote the events and the one they become. `keys` are
    wrapped.
    """

    rows: tuple[Row, ...]
    associations: Mapping[tuple[str, str], str]
    registry: str = ""
    created: str = ""
    expires: str = ""
    upcasts: Mapping[tuple[str, int, int], Row] = field(default_factory=dict)
    keys: BundledKeys = field(default_factory=BundledKeys)

    @classmethod
    def read(cls, path: str | Path, trusted: bytes, *, now: datetime | None = None) -> Bundle:
        """Read a file that a trusted key signed. `trusted` is a public key: PEM, or 32 bytes.

        Raises BadBundle, also for one that has expired, and OSError.
        """
        file = Path(path)
        if file.stat().st_size > MOST_BYTES:
            raise BadBundle(reason=f"it is larger than {MOST_BYTES} bytes")
        bundle = cls.parse(file.read_bytes(), trusted)
        if bundle.expired(now):
            raise BadBundle(reason=f"it expired at {bundle.expires}")
        return bundle

    def expired(self, now: datetime | None = None) -> bool:
        """Whether it is too old: to be read, and for a process that has had it for long, to answer."""
        return bool(self.expires) and _moment(self.expires) < (now or datetime.now(UTC))

    @classmethod
    def parse(cls, data: bytes, trusted: bytes) -> Bundle:
        """Verify and read the bytes of a bundle. Raises BadBundle."""
        head, _, payload = data.partition(b"\n")
        match head.split(b" "):
            case [name, _, signature] if name == FORMAT:
                pass
            case _:
                raise BadBundle(reason="it does not begin as a bundle does")
        key = public_key(trusted)
        try:
            key.verify(base64.b64decode(signature, validate=True), FORMAT + b"\n" + payload)
        except Exception as error:  # InvalidSignature, or base64 that is none
            raise BadBundle(reason="its signature is not that of the trusted key over this content") from error
        try:
            document = json.loads(payload)
            if not isinstance(document, dict):
                raise TypeError("document")
            rows = tuple(_row(row) for row in document["schemas"])
            associations = {(str(a["topic"]), str(a["part"])): str(a["subject"]) for a in document["associations"]}
            upcasts = dict(_plan(row) for row in document.get("upcasts", ()))  # older bundles have none, nor keys
            keys = BundledKeys.parse(document.get("keks", ()), document.get("deks", ()))
            texts = {name: str(document.get(name) or "") for name in ("registry", "created", "expires")}
            if texts["expires"]:
                _moment(texts["expires"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadBundle(reason=f"it is signed, and holds something else ({type(error).__name__})") from error
        return cls(rows, associations, **texts, upcasts=upcasts, keys=keys)

    # --- answers ------------------------------------------------------------------------------------------------

    def answer(self, call: Call[T], *, lasting: bool = False) -> T | None:
        """What the registry would answer to a call, or None where the bundle cannot know.

        `lasting`: only what cannot have changed since. Raises BadBundle for a row that means nothing.
        """
        segments, query = _asked(call.path)
        found = self._found(call.method, segments, query, call.body, lasting)
        if found is None:
            return None
        try:
            return call.read(found)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            reason = f"what it holds for {call.path} is no answer ({type(error).__name__})"
            raise BadBundle(reason=reason) from error

    def refusal(self, call: Call[Any]) -> KeyMissing | None:
        """Why a call that has no answer here can have none without the registry, where that is known."""
        segments, query = _asked(call.path)
        return self.keys.refusal(segments[3:], query) if segments[:3] == _KEKS else None

    def _found(
        self, method: str, segments: Sequence[str], query: Mapping[str, list[str]], body: Any, lasting: bool
    ) -> Any:
        rendering = query.get("format", [""])[0]
        match method, segments:
            case "GET", ["dek-registry", "v1", "keks", *below]:
                return self.keys.answer(below, query, lasting=lasting)
            case "GET", ["schemas", "ids", number]:
                context = _context(query.get("subject", [""])[0])
                row = self._first(lambda row: str(row["id"]) == number and _context(row["subject"]) == context)
                return _shown(row, rendering, without={"id", "subject", "version"})
            case "GET", ["schemas", "guids", guid]:
                row = self._first(lambda row: row.get("guid") == guid)
                return _shown(row, rendering, without={"id", "subject", "version"})
            case "GET", ["schemas", "guids", guid, "ids"]:
                rows = [row for row in self.rows if row.get("guid") == guid]
                ids = {_context(row["subject"]).strip(":") or ".": row["id"] for row in rows}
                return [{"context": context, "id": number} for context, number in ids.items()] or None
            case "GET", ["subjects", subject, "versions", "latest"] if not lasting:
                return _shown(max(self._of(subject), key=_version, default=None), rendering)
            case "GET", ["subjects", subject, "versions", number]:
                row = self._first(lambda row: row["subject"] == subject and str(row["version"]) == number)
                return _shown(row, rendering)
            case "GET", ["subjects", subject, "metadata"] if not lasting:
                wanted = dict(zip(query.get("key", ()), query.get("value", ()), strict=False))
                rows = [row for row in self._of(subject) if wanted.items() <= _properties(row).items()]
                return _shown(max(rows, key=_version, default=None), rendering)
            case "GET", ["associations", "resources", _, topic] if not lasting:
                found = self.associations.get((topic, query.get("associationType", ["value"])[0]))
                return None if found is None else [{"subject": found}]
            case "GET", ["api", "v1", "subjects", subject, "upcasts"] if not lasting:
                return self._upcast(subject, {name: values[0] for name, values in query.items()})
            case ("POST", ["subjects", subject] | ["subjects", subject, "versions"]) if body:
                return _shown(self._same(subject, body))
            case "POST", ["api", "v1", "subjects", subject, "versions"] if body and "dry_run" not in query:
                row = self._same(subject, body)
                return None if row is None else {**(_shown(row) or {}), "created": False}
        return None

    def _upcast(self, subject: str, query: Mapping[str, str]) -> Row | None:
        """The plan between two versions; no plan where there is nothing to go up; None where the bundle has none."""
        of = self._of(subject)
        number, guid, new = query.get("from_id"), query.get("from_guid"), int(query.get("to", LATEST))
        written = (row["version"] for row in of if str(row["id"]) == number or (guid and row.get("guid") == guid))
        old = int(query["from"]) if "from" in query else next(written, None)
        if new == LATEST:
            new = max(map(_version, of), default=0)
        if old is None or not any(row["version"] == new for row in of):
            return None
        answer = {"subject": subject, "old": old, "new": new}
        if old >= new:
            return answer
        plan = self.upcasts.get((subject, old, new))
        return None if plan is None else {**answer, "plan": plan, "proven": True}

    def _of(self, subject: str) -> list[Row]:
        return [row for row in self.rows if row["subject"] == subject and row.get("current", True)]

    def _first(self, test: Callable[[Row], bool]) -> Row | None:
        return next((row for row in self.rows if test(row)), None)

    def _same(self, subject: str, body: Mapping[str, Any]) -> Row | None:
        """The version whose schema is this one, however it is written; what is merely like it the registry judges."""
        wanted = _identity(body)
        rows = [row for row in self.rows if row["subject"] == subject and _identity(row)[:3] == wanted[:3]]
        # A schema that is registered without metadata or rules takes those of the version it is.
        return next((row for row in rows if wanted[3:] == [None, None] or _identity(row) == wanted), None)


def _asked(path: str) -> tuple[list[str], dict[str, list[str]]]:
    path, _, query = path.partition("?")
    return [unquote(segment) for segment in path.strip("/").split("/")], parse_qs(query)


def _identity(schema: Mapping[str, Any]) -> list[Any]:
    """What makes two schemas the same one here: a registry prints them in a form of its own."""
    kind, text = schema.get("schemaType") or AVRO, str(schema["schema"])
    try:
        content = _CONTENTS[kind](text)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, ImportError):
        content = text  # whatever it is, it is the same as itself
    return [kind, content, *(schema.get(part) or None for part in ("references", "metadata", "ruleSet"))]


def _avro(text: str) -> Any:
    """An Avro schema with every name written in full."""
    from tenor.codecs.avro.model import _qualified

    return _qualified(json.loads(text), "", {})


def _protobuf(text: str) -> list[str]:
    """The words and signs of a .proto file, without comments and white space."""
    return [word for word in _WORDS.findall(text) if not word.startswith(("//", "/*"))]


_WORDS: Final = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|//[^\n]*|/\*.*?\*/|[\w.]+|\S', re.DOTALL)
_CONTENTS: Final[Mapping[str, Callable[[str], Any]]] = {AVRO: _avro, JSON: json.loads, PROTOBUF: _protobuf}


def row_of(registered: Registered, subject: str, *, serialized: str = "", current: bool = True) -> dict[str, Any]:
    """A schema of the registry as a bundle keeps it. `current`: it may answer for the newest version.

    Raises BadBundle for one without id or version.
    """
    if registered.id is None or registered.version is None:
        raise BadBundle(reason=f"a schema of {subject} has neither id nor version")
    row: dict[str, Any] = {"subject": subject, "version": registered.version, "id": registered.id}
    if registered.guid is not None:
        row["guid"] = registered.guid
    if registered.schema.format == PROTOBUF:
        row["serialized"] = serialized
    if not current:
        row["current"] = False
    return {**row, **registered.schema.body()}


def signed(
    rows: Iterable[Row],
    associations: Mapping[tuple[str, str], str],
    key: bytes,
    *,
    registry: str,
    created: datetime,
    expires: datetime | None = None,
    upcasts: Iterable[Row] = (),
    keks: Iterable[Row] = (),
    deks: Iterable[Row] = (),
) -> bytes:
    """The bytes of a bundle. `key` is an Ed25519 private key as PEM; `upcasts` are proven plans, `keks` and `deks`
    wrapped keys as a bundle keeps them.

    Raises BadBundle for another key.
    """
    document: dict[str, Any] = {
        "created": created.isoformat(),
        "registry": registry,
        "schemas": list(rows),
        "associations": [
            {"topic": topic, "part": part, "subject": subject} for (topic, part), subject in associations.items()
        ],
        "upcasts": list(upcasts),
        "keks": list(keks),
        "deks": list(deks),
    }
    if expires is not None:
        document["expires"] = expires.isoformat()
    payload = json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode("utf-8", "surrogatepass")
    private = private_key(key)
    signature = private.sign(FORMAT + b"\n" + payload)
    public = private.public_key().public_bytes_raw()
    return b" ".join([FORMAT, base64.b64encode(public), base64.b64encode(signature)]) + b"\n" + payload


def signer(data: bytes) -> bytes | None:
    """The public key that a bundle names; it proves nothing by itself."""
    match data.partition(b"\n")[0].split(b" "):
        case [name, public, _] if name == FORMAT:
            return public
    return None


# --- keys --------------------------------------------------------------------------------------------------------


def private_key(pem: bytes) -> Ed25519PrivateKey:
    """An Ed25519 private key. Raises BadBundle."""
    ed25519, serialization = _cryptography()
    try:
        key: Any = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as error:
        raise BadBundle(reason="the key is no unencrypted private key in PEM") from error
    if not isinstance(key, ed25519.Ed25519PrivateKey):
        raise BadBundle(reason="the key is not of type Ed25519: openssl genpkey -algorithm ed25519 -out key.pem")
    return key  # type: ignore[no-any-return] # imported late


def public_key(given: bytes) -> Ed25519PublicKey:
    """An Ed25519 public key from PEM or its 32 bytes; of a private key in PEM its public half. Raises BadBundle."""
    ed25519, serialization = _cryptography()
    if len(given) == 32:
        return ed25519.Ed25519PublicKey.from_public_bytes(given)  # type: ignore[no-any-return] # imported late
    if b"PRIVATE KEY" in given:
        return private_key(given).public_key()
    try:
        key = serialization.load_pem_public_key(given)
    except (ValueError, TypeError) as error:
        raise BadBundle(reason="the trusted key is no public key in PEM") from error
    if not isinstance(key, ed25519.Ed25519PublicKey):
        raise BadBundle(reason="the trusted key is not of type Ed25519")
    return key  # type: ignore[no-any-return] # likewise


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ModuleNotFoundError as error:
        raise MissingExtra(purpose="a bundle", package="cryptography", extra="encryption") from error
    return ed25519, serialization


# --- rows --------------------------------------------------------------------------------------------------------


def _row(row: Any) -> Row:
    for name, kind in _SHAPES.items():
        if not isinstance(row[name], kind):
            raise TypeError(name)
    found: Row = row
    return found


def _plan(row: Any) -> tuple[tuple[str, int, int], Row]:
    subject, old, new, plan = row["subject"], row["old"], row["new"], row["plan"]
    if not (isinstance(subject, str) and isinstance(old, int) and isinstance(new, int) and isinstance(plan, dict)):
        raise TypeError("upcast")
    return (subject, old, new), plan


def _shown(row: Row | None, rendering: str = "", *, without: Iterable[str] = ()) -> dict[str, Any] | None:
    if row is None:
        return None
    hidden = {"serialized", "current", *without}
    shown = {name: value for name, value in row.items() if name not in hidden}
    if rendering == "serialized":
        if "serialized" not in row:
            return None
        shown["schema"] = row["serialized"]
    return shown


def _version(row: Row) -> int:
    return int(row["version"])


def _properties(row: Row) -> dict[str, Any]:
    return dict((row.get("metadata") or {}).get("properties") or {})


def _context(subject: str) -> str:
    """`:.dev:` of `:.dev:orders`; empty for the default context."""
    return subject[: subject.find(":", 1) + 1] if subject.startswith(":.") else ""


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
