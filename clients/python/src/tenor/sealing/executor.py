"""Sealing and opening as steps of rules: what `tenor.rules.ruled` asks for, over the keys at hand."""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from os import urandom
from typing import Any, Final, NamedTuple

from tenor.codecs.fields import MARK, MARKED, Change, Choose, Field, leaves
from tenor.errors import AuthenticationFailed, Erased, InvalidEvent, KeyNotReady, UnusableSchema, Violation
from tenor.events import Beside
from tenor.keys.algorithms import AES256_SIV
from tenor.keys.kms import Factory
from tenor.rules.model import WRITE, BodyErased, Rule, tagged
from tenor.schemas import AVRO, JSON, PROTOBUF
from tenor.sealing import encrypt, persons, seal, wire
from tenor.sealing.encrypt import ErasedKey, Present
from tenor.sealing.keyring import GRACE, TTL, Cell, Held, KeyRing
from tenor.sealing.sources import Source, binds, erased, person, require_known, source, subject, suite

SENTINEL: Final = "[erased]"
_DRAWN: Final = 4
"""Nonces drawn at once: the system call costs more than they do."""


@dataclass(frozen=True)
class Keys:
    """How this client gets at keys.

    `kms`       configuration of key systems by type: `{"local-kms": {"secret": …}, "aws-kms": {…}}`
    `drivers`   key systems of your own, by type: `{"my-kms": lambda key_id, config: …}`
    `pepper`    secret of 16 bytes or more that turns ids of persons into handles; the same in every client
    `tenant`    part of what SEAL binds a value to
    `trusted`   patterns of what new events may be sealed under, e.g. `aws-kms://arn:aws:kms:eu-*`, and `shared` for
                KEKs whose keys the registry knows; empty: whatever the schema's rules say
    `ttl`       seconds a key is believed; a person's key is used no longer than that
    `grace`     seconds that other keys are used on while the registry is away
    `jitter`    the share of a key's age by which it is renewed early, at random, so that not all renew at once
    """

    kms: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    drivers: Mapping[str, Factory] = field(default_factory=dict, repr=False)
    pepper: bytes = field(default=b"", repr=False)
    tenant: str = ""
    trusted: tuple[str, ...] = ()
    ttl: float = TTL
    grace: float = GRACE
    jitter: float = 0.02


class PersonKey(NamedTuple):
    """The need of a person's key to seal with."""

    source: Source
    handle: bytes

    def __str__(self) -> str:
        return f"{self.source}/person"


class State:
    """What sealing knows of one message."""

    __slots__ = ("_at", "_bound", "_pool", "beside", "emitted", "erased", "missing", "now", "root")

    def __init__(self, root: Any, now: float, emitted: set[Any] | None, beside: Beside | None = None) -> None:
        self.root, self.now, self.emitted, self.beside = root, now, emitted, beside
        self._bound: bytes | None = None
        self.missing: set[Any] | None = None
        self.erased: list[str] | None = None
        self._pool, self._at = b"", 0

    def nonce(self) -> bytes:
        """Twelve bytes that were never used."""
        at = self._at
        if at >= len(self._pool):
            self._pool, at = urandom(12 * _DRAWN), 0
        self._at = at + 12
        return self._pool[at : at + 12]

    def bound(self) -> bytes:
        """The part of associated data that is the record's key. Raises RecordKeyNeeded."""
        if self._bound is None:
            self._bound = seal.key_part(None if self.beside is None else self.beside.key)
        return self._bound

    def lacks(self, needs: Any) -> None:
        """Something could not be opened yet."""
        self.missing = {*(self.missing or ()), *needs}

    def gone(self, path: str) -> None:
        """Something can never be opened."""
        self.erased = [*(self.erased or ()), path]


class Executor:
    """The sealing rules of one subject."""

    def __init__(self, ring: KeyRing, subject: str, keys: Keys, *, pinned: bool = False) -> None:
        self._ring, self._subject, self._keys = ring, subject, keys
        self._pinned = pinned
        self.sources: set[Source] = set()
        """What writing needs, save for persons' keys."""

    @property
    def hurry(self) -> bool:
        """Whether a key was used so often that it is to be renewed now."""
        return self._ring.hurry

    def state(self, event: Any, beside: Beside | None = None) -> State:
        """The state of one message."""
        return State(event, self._ring.clock(), set() if self._pinned and event is not None else None, beside)

    def settle(self, state: State) -> None:
        """Raises KeyNotReady if a step could not open everything."""
        if state.missing:
            raise KeyNotReady(needs=state.missing)

    # --- fields ---------------------------------------------------------------------------------------------

    def fields(self, rule: Rule, mode: str, format: str) -> Choose:
        """How a rule seals or opens leaves. Raises UnusableRule."""
        origin = source(rule, self._subject)
        erased(rule), person(rule), binds(rule)
        if mode == WRITE:
            require_known(rule)
            return self._seals(rule, origin, format)
        return self._opens(rule, origin, format)

    def _seals(self, rule: Rule, origin: Source, format: str) -> Choose:
        def choose(field: Field) -> Change | None:
            if field.leaf.type == "NULL" or not tagged(rule, field.tags):
                return None
            present = self._present(rule, origin, field.slot.properties)
            if rule.type == "ENCRYPT":
                if field.leaf.type not in ("STRING", "BYTES") or field.leaf.logical:
                    kind = field.leaf.logical or field.leaf.type
                    raise rule.refused(
                        f"{field.slot.full_name} is of type {kind.lower()}: ENCRYPT seals text and bytes, SEAL any"
                    )
                turn = encrypt.seal_bytes(origin, present)
                if field.leaf.type == "STRING" and not self._person(rule, field.slot.properties):
                    slowly = _sealing_text(turn, encrypt.to_text, field.path)
                    return _sealing_text_quickly(self._ring.cell(origin), slowly)
                if field.leaf.type == "STRING":
                    return _sealing_text(turn, encrypt.to_text, field.path)
                return _sealing_bytes(turn, field.path)
            where = _place(field)
            turn = seal.sealer(
                origin,
                suite(rule),
                self._keys.tenant,
                where,
                present,
                person=bool(self._person(rule, field.slot.properties)),
                flags=seal.KEYED if binds(rule) else 0,
            )
            return self._seals_any(rule, field, format, turn)

        return choose

    def _seals_any(self, rule: Rule, field: Field, format: str, turn: Any) -> Change:
        leaf = field.leaf
        if isinstance(leaf.native, dict) and leaf.native.get(MARKED):
            if format == JSON:
                return _sealing_value(turn, wire.json_leaf()[0], seal.to_text, field.path)
            if format == PROTOBUF:
                return _sealing_value(turn, leaf.native["value"].write, bytes, field.path)
            return _sealing_value(turn, wire.avro_leaf(leaf.native)[0], bytes, field.path)
        if leaf.type == "STRING" and not leaf.logical:
            return _sealing_text(turn, seal.to_text, field.path)
        if leaf.type == "BYTES" and not leaf.logical:
            return _sealing_bytes(turn, field.path)
        name = field.slot.full_name
        if format == PROTOBUF:
            from tenor.codecs.protobuf.sealed import type_name

            kind = type_name(leaf.native)
            params = f'params: [{{key: "{MARK}", value: "{kind}"}}]'
            raise rule.refused(
                f"{name} is of type {kind}, which has no place for what is sealed: declare bytes of a number of their "
                f"own instead, `bytes {field.slot.name} = N [(confluent.field_meta) = {{tags: […], {params}}}]`"
            )
        raise rule.refused(
            f"{name} has no place for what is sealed: register the wire schema (tenor.sealing.wire.wired)"
        )

    def _opens(self, rule: Rule, origin: Source, format: str) -> Choose:
        policy, compat = erased(rule), rule.type == "ENCRYPT"

        def choose(field: Field) -> Change | None:
            if not tagged(rule, field.tags) or field.leaf.type not in ("STRING", "BYTES"):
                return None
            text = field.leaf.type == "STRING"
            if compat:
                open_compat = encrypt.open_bytes(origin, self._ring, field.path)
                unpack = encrypt.from_text if text else _as_bytes
                finish: Callable[[bytes], Any] = bytes.decode if text else bytes
                turn = open_compat
            else:
                open_seal = seal.opener(
                    origin, self._keys.tenant, (_place(field),), self._ring, field.path, keyed=binds(rule)
                )
                unpack = seal.from_text if text else _as_bytes
                finish = _finisher(field, format)
                turn = _without_flags(open_seal)
            return _opening(field, turn, unpack, finish, policy, implied=format == PROTOBUF)

        return choose

    # --- bodies ---------------------------------------------------------------------------------------------

    def payload(self, rule: Rule, mode: str) -> Callable[[Any, Any], Any]:
        """How a rule seals or opens an encoded body. Raises UnusableRule."""
        origin, policy, keyed = source(rule, self._subject), erased(rule), binds(rule)
        compat = rule.type == "ENCRYPT_PAYLOAD"
        packs = rule.params.get("tenor.compress", "")
        if packs not in ("", "zstd") or (packs and compat):
            raise rule.refused("tenor.compress is zstd, and only with SEAL_PAYLOAD")
        if mode == WRITE:
            require_known(rule)
            present = self._present(rule, origin, {})
            if compat:
                turn = encrypt.seal_bytes(origin, present)
            else:
                flags = (seal.COMPRESSED if packs else 0) | (seal.KEYED if keyed else 0)
                turn = seal.sealer(
                    origin, suite(rule), self._keys.tenant, "", present, person=bool(person(rule)), flags=flags
                )

            def close(data: Any, state: Any) -> Any:
                return turn(seal.compressed(data) if packs else data, state.root, state)

            return close
        open_compat = encrypt.open_bytes(origin, self._ring, "The body")
        open_seal = seal.opener(origin, self._keys.tenant, ("",), self._ring, "The body", keyed=keyed)

        def open(data: Any, state: Any) -> Any:
            try:
                if compat:
                    return open_compat(data, state)
                plain, flags = open_seal(data, state)
                return seal.decompressed(plain, "The body") if flags & seal.COMPRESSED else plain
            except ErasedKey:
                if policy in ("drop", "raise"):
                    raise Erased(path="", drop=policy == "drop") from None
                state.gone("")
                raise BodyErased from None

        return open

    # --- keys -----------------------------------------------------------------------------------------------

    def _person(self, rule: Rule, properties: Mapping[str, Any]) -> str:
        own = properties.get("tenor.dataSubject")
        return subject(rule, str(own)) if own else person(rule)

    def _present(self, rule: Rule, origin: Source, properties: Mapping[str, Any]) -> Present:
        """Where the key to seal with comes from: the source's present one, or a person's."""
        ring = self._ring
        if path := self._person(rule, properties):
            if not origin.versioned:
                raise rule.refused(
                    "persons' keys need encrypt.dek.expiry.days: else the ciphertext does not name its key"
                )
            if len(self._keys.pepper) < persons.MIN_PEPPER:
                raise rule.refused("persons' keys need Keys(pepper=…)")
            kind = rule.params.get("tenor.dataSubject.kind", "person")
            find = persons.finder(path, kind, self._keys.pepper)

            def of_person(record: Any, state: Any) -> Held:
                try:
                    handle = find(state.root, record, state.beside)
                except LookupError:
                    sentence = f"there is no person's id at {path}: nothing can be sealed for nobody"
                    raise InvalidEvent([Violation("", "dataSubject", "", sentence)]) from None
                held = ring.person(origin, handle, state.now)
                if held is None or held.uses >= held.limit:
                    raise KeyNotReady(needs=[PersonKey(origin, handle)])
                held.uses += 1
                return held

            return of_person
        cell = ring.cell(origin)
        self.sources.add(origin)

        def present(record: Any, state: Any) -> Held:
            held = cell.held
            if held is None or held.until <= state.now:
                raise KeyNotReady(needs=[origin])
            uses = held.uses + 1
            if uses >= held.limit:
                if uses > held.stop:
                    raise KeyNotReady(needs=[origin])
                ring.hurry = True
            held.uses = uses
            return held

        return present


def _place(field: Field) -> str:
    return str(field.slot.properties.get("tenor.sealedAs") or field.path)


def _wrong(path: str, kind: str) -> InvalidEvent:
    return InvalidEvent([Violation("/" + path.replace(".", "/"), "type", "", f"what is to be sealed is not {kind}")])


def _sealing_text(turn: Any, to_text: Callable[[bytes], str], path: str) -> Change:
    def change(value: Any, record: Any, state: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, str):
            raise _wrong(path, "text")
        try:
            plaintext = value.encode()
        except UnicodeEncodeError:
            raise _wrong(path, "text that UTF-8 can express") from None
        out = to_text(turn(plaintext, record, state))
        if state.emitted is not None:
            state.emitted.add(out)
        return out

    return change


def _sealing_text_quickly(cell: Cell, slowly: Change) -> Change:
    """The commonest case in one call: plain text, a key at hand."""
    versioned, drawn = cell.source.versioned, cell.source.algorithm != AES256_SIV

    def change(value: Any, record: Any, state: Any) -> Any:
        held = cell.held
        if (
            type(value) is not str
            or held is None
            or held.until <= state.now
            or held.uses >= held.limit
            or state.emitted is not None
        ):
            return slowly(value, record, state)
        held.uses += 1
        try:
            sealed = held.seal(value.encode(), b"", state.nonce() if drawn else None)
        except UnicodeEncodeError:
            return slowly(value, record, state)
        return b2a_base64(held.head + sealed if versioned else sealed, newline=False).decode("ascii")

    return change


def _sealing_bytes(turn: Any, path: str) -> Change:
    def change(value: Any, record: Any, state: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, bytes | bytearray):
            raise _wrong(path, "bytes")
        out = turn(bytes(value), record, state)
        if state.emitted is not None:
            state.emitted.add(out)
        return out

    return change


def _sealing_value(turn: Any, write: Callable[[Any], bytes], to_wire: Callable[[bytes], Any], path: str) -> Change:
    def change(value: Any, record: Any, state: Any) -> Any:
        if value is None:
            return None
        try:
            plaintext = write(value)
        except Exception:  # fastavro and orjson raise whatever their code meets, and say the value
            raise _wrong(path, "of the field's type") from None
        out = to_wire(turn(plaintext, record, state))
        if state.emitted is not None:
            state.emitted.add(out)
        return out

    return change


def _without_flags(opens: Callable[[bytes, Any], tuple[bytes, int]]) -> Callable[[bytes, Any], bytes]:
    return lambda sealed, state: opens(sealed, state)[0]


def _as_bytes(value: Any, what: str) -> bytes:
    return bytes(value)


def _finisher(field: Field, format: str) -> Callable[[bytes], Any]:
    """From plaintext to value, as the wire schema says that it was."""
    native = field.leaf.native
    mark = native.get(MARK) if isinstance(native, dict) else None
    if isinstance(mark, dict):
        if format == PROTOBUF:
            return native["value"].read  # type: ignore[no-any-return] # what its codec put there
        return wire.avro_leaf(mark["logical"])[1] if format == AVRO else wire.json_leaf()[1]
    return bytes.decode if field.leaf.type == "STRING" else bytes


def _opening(
    field: Field,
    turn: Any,
    unpack: Callable[[Any, str], bytes],
    finish: Callable[[bytes], Any],
    policy: str,
    *,
    implied: bool,
) -> Change:
    gone = replacement(field, policy)
    path = field.path
    other = implied and isinstance(field.leaf.native, dict)  # bytes that hold another type
    absent = field.slot.implied is not None if other else implied

    def change(value: Any, record: Any, state: Any) -> Any:
        if value is None or (absent and not value):  # in Protobuf what was left out comes back as empty
            return None if other else value
        try:
            plaintext = turn(unpack(value, path), state)
        except KeyNotReady as missing:
            state.lacks(missing.needs)
            return value
        except ErasedKey:
            if policy in ("drop", "raise"):
                raise Erased(path=path, drop=policy == "drop") from None
            state.gone(path)
            return gone
        try:
            return finish(plaintext)
        except Exception:  # it was authentic, and yet is no such value
            raise AuthenticationFailed(what=path) from None

    return change


def replacement(field: Field, policy: str) -> Any:
    """What stands in for an erased value, by what the rule says of erasure (`tenor.erased`)."""
    if policy == "null" and any(leaf.type == "NULL" for leaf in leaves(field.slot.node)):
        return None
    native = field.leaf.native
    mark = native.get(MARK) if isinstance(native, dict) else None
    if not isinstance(mark, dict):
        return SENTINEL if field.leaf.type == "STRING" else b""
    if "value" in native:  # Protobuf's
        return native["value"].zero
    told = mark["logical"]
    kind = told.get("type") if isinstance(told, dict) else told
    if field.leaf.type == "STRING":
        return {"integer": 0, "number": 0, "boolean": False, "string": SENTINEL}.get(str(kind))
    zeros = {"float": bytes(4), "double": bytes(8)}.get(str(kind), b"\0")
    if kind == "fixed":
        zeros = bytes(told["size"])
    try:
        return wire.avro_leaf(told)[1](zeros)
    except (ValueError, UnusableSchema):
        return None
