# Generated from src/tenor/_async/registry.py by generate_sync.py: change that file, not this one.

"""A registry, as producers and consumers use it. Synchronous.

    registry = Registry("http://localhost:8081")
    orders   = registry.events("orders-value")
    message  = orders.encode({"order_id": "A1"})
    event    = orders.decode(message.value, message.headers)

Every call of `tenor.calls` can be sent; the methods here add caches and what takes several calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from tenor import calls, wire
from tenor._sync.codec import Codec
from tenor._sync.concurrency import HttpClient, callable_here
from tenor._sync.snapshots import HEADER, PREFIX, Compiled, Settings, Source
from tenor._sync.transport import Transport
from tenor.cache import Cache
from tenor.calls import Call
from tenor.codecs import Options
from tenor.errors import (
    Answered,
    Forbidden,
    Incompatible,
    NotFound,
    SchemaNotFound,
    StaleSchema,
    SubjectNotFound,
    TenorError,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
    Unsealed,
    UnusableRule,
    UnusableSchema,
    UpcastMissing,
    VersionNotFound,
)
from tenor.naming import ASSOCIATED, Naming, by_topic, strategy
from tenor.retry import Retry
from tenor.rules.model import SEALING, parse
from tenor.rules.ruled import ruled
from tenor.schemas import LATEST, PROTOBUF, Compatibility, Page, Reference, Registered, Registration, Schema
from tenor.upcasting import Upcasting
from tenor.upcasting import compiled as compiled_upcast

if TYPE_CHECKING:
    from tenor._sync.keys import Keychain
    from tenor.bundle import Bundle
    from tenor.compression import Compression
    from tenor.consuming.dead_letters import SendDeadLetter
    from tenor.observing import Observer
    from tenor.plans import Upcast
    from tenor.sanitising import Sanitise
    from tenor.sealing.executor import Keys

T = TypeVar("T")

MAX_REFERENCES: Final = 1000
"""Schemas that one schema may pull in, so that a hostile registry cannot keep a client busy for ever."""
MAX_REFERENCE_DEPTH: Final = 100
ASK_AGAIN: Final = 10.0
"""Seconds for which a bundle answers at once, after nobody else did."""
MAX_TOLD: Final = 10_000
_now = time.monotonic
_ABSENT: Final = (SubjectNotFound, VersionNotFound, SchemaNotFound)


class Registry:
    """A schema registry: Tenor, or any other that speaks the Confluent API.

    `url`            one address, or several that are tried in turn
    `auth`, `token`  user and password, or a bearer token
    `http`           an HTTP client of your own, e.g. one with a client certificate
    `latest_ttl`     seconds after which the newest version, an association or a look-up is asked for again
    `negative_ttl`   seconds for which "there is no such schema" is believed
    `max_behind`     seconds for which a codec goes on with the schema it has once the registry told of a newer one
                     that seals and that cannot be used (a key system is away, a rule is unknown): then `encode` raises
                     StaleSchema. While no registry answers it goes on, for nobody told of a newer one; fields that must
                     never go out open are for `must_encrypt` (see `events`)
    `keys`           how to get at the keys that rules seal with (`tenor.Keys`)

    `observer`       counts and traces what this registry's codecs do (`tenor.Observer`)
    `bundle`         schemas and wrapped keys for when nobody answers (`tenor.Bundle`)
    `dead_letters`   sends what a rule with the action DLQ refuses, a function of one `tenor.consuming.DeadLetter`;
                     `tenor.integrations` have ready ones

    Schemas by id, guid or version number never change; the `cache_size` most recently used are kept.
    """

    def __init__(
        self,
        url: str | Sequence[str],
        *,
        auth: tuple[str, str] | None = None,
        token: str | None = None,
        http: HttpClient | None = None,
        timeout: float = 10.0,
        retry: Retry | None = None,
        headers: Mapping[str, str] | None = None,
        cache_size: int = 1000,
        observer: Observer | None = None,
        bundle: Bundle | None = None,
        latest_ttl: float = 300.0,
        negative_ttl: float = 10.0,
        max_behind: float = 300.0,
        keys: Keys | None = None,
        dead_letters: SendDeadLetter | None = None,
    ) -> None:
        callable_here(dead_letters)
        self._dead_letters = dead_letters
        self._transport = Transport(
            url, auth=auth, token=token, http=http, timeout=timeout, retry=retry, headers=headers
        )
        self.url = self._transport.urls[0]
        self._latest_ttl, self._negative_ttl, self._max_behind = latest_ttl, negative_ttl, max_behind
        self._known: Cache[Any] = Cache(cache_size)
        self._absent: Cache[Answered] = Cache(cache_size)
        self._native: bool | None = None
        self._observer, self._bundle = observer, bundle
        self._away_until, self._told, self._gone = 0.0, set[str](), set[str]()
        self._key_config = keys
        self._keys_now: Keychain | None = None

    @property
    def keys(self) -> Keychain:
        """The keys that sealing rules need; made when the first is needed."""
        if self._keys_now is None:
            from tenor._sync.keys import Keychain
            from tenor.sealing.executor import Keys

            self._keys_now = Keychain(self.send, self._key_config or Keys(), bundled=self._bundle is not None)
        return self._keys_now

    def send(self, call: Call[T]) -> T:
        """Send any call of `tenor.calls`, past all caches. Raises RegistryError."""
        if self._bundle is None or self._bundle.expired():
            return self._transport.send(call)
        return self._sent_or_bundled(call, self._bundle)

    def _sent_or_bundled(self, call: Call[T], bundle: Bundle) -> T:
        """Ask the registry, and the bundle if nobody answers. What the registry told once, it alone may change; what
        it said is not there, the bundle does not bring back."""
        place = call.path.partition("?")[0]
        lasting, gone = call.path in self._told, place in self._gone
        if _now() < self._away_until and not gone and (found := bundle.answer(call, lasting=lasting)) is not None:
            return found
        try:
            answer = self._transport.send(call)
        except (Unreachable, Unavailable, UnexpectedAnswer) as error:
            if gone or (found := bundle.answer(call, lasting=lasting)) is None:
                if (refusal := bundle.refusal(call)) is not None:
                    raise refusal from error
                raise
            self._away_until = _now() + ASK_AGAIN
            return found
        except NotFound:
            if call.method == "GET" and len(self._gone) < MAX_TOLD:
                self._gone.add(place)
            raise
        if call.method == "GET":
            self._gone.discard(place)
            if len(self._told) < MAX_TOLD:
                self._told.add(call.path)
        return answer

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # --- schemas --------------------------------------------------------------------------------------------

    def register(
        self,
        subject: str,
        schema: Schema,
        *,
        normalize: bool = False,
        dry_run: bool = False,
        idempotency_key: str = "",
    ) -> Registration:
        """Register a schema; the same schema again gives the same version.

        Tenor's own API says what changed and what it found; other registries are asked through the Confluent API,
        where a dry run is a look-up and a compatibility check. Raises Incompatible, Rejected, Conflict.
        """
        registration = self._register(subject, schema, normalize, dry_run, idempotency_key)
        if not dry_run:
            self._absent.clear()  # what was not there a moment ago may be there now
        return registration

    def _register(
        self, subject: str, schema: Schema, normalize: bool, dry_run: bool, idempotency_key: str
    ) -> Registration:
        if self._native is not False:
            call = calls.native_register(
                subject, schema, normalize=normalize, dry_run=dry_run, idempotency_key=idempotency_key
            )
            try:
                registration = self.send(call)
            except (Answered, UnexpectedAnswer) as error:
                # A proxy in front of another registry may forbid paths that it does not know.
                if self._native or (calls.speaks_native(error) and not isinstance(error, Forbidden)):
                    raise
                self._native = False
            else:
                self._native = True
                return registration
        if dry_run:
            return self._rehearse(subject, schema, normalize)
        return self.send(calls.register(subject, schema, normalize=normalize))

    def _rehearse(self, subject: str, schema: Schema, normalize: bool) -> Registration:
        """What a registration would do, as far as the Confluent API can say without doing it."""
        try:
            known = self.send(calls.lookup(subject, schema, normalize=normalize))
        except NotFound:
            verdict = self.send(calls.compatibility(subject, schema, normalize=normalize))
            if verdict.compatible:
                return Registration(subject, None, created=True, dry_run=True)
            findings = [{"message": message} for message in verdict.messages]
            message = f"The schema is incompatible with subject '{subject}'."
            raise Incompatible(status=409, code=409, message=message, url=self.url, findings=findings) from None
        return Registration(subject, known.id, known.guid, known.version, created=False, dry_run=True)

    def lookup(self, subject: str, schema: Schema, *, normalize: bool = False) -> Registered:
        """Which version of the subject this schema is. Raises SubjectNotFound, SchemaNotFound."""
        return self._cached(
            ("lookup", subject, schema, normalize),
            calls.lookup(subject, schema, normalize=normalize),
            self._latest_ttl,
        )

    def schema(self, id_or_guid: int | str, *, subject: str = "", rendering: str = "") -> Registered:
        """The schema behind an id or a guid. `subject` matters where an id means different schemas in different
        contexts. Raises SchemaNotFound."""
        if isinstance(id_or_guid, str):
            return self._cached(("guid", id_or_guid, rendering), calls.schema_by_guid(id_or_guid, rendering=rendering))
        context = subject if subject.startswith(":.") else ""
        call = calls.schema_by_id(id_or_guid, subject=context, rendering=rendering)
        return self._cached(("id", id_or_guid, _context(context), rendering), call)

    def version(self, subject: str, number: int = LATEST, *, rendering: str = "") -> Registered:
        """A version of a subject; without a number the newest, which is never answered from a cache.

        Raises SubjectNotFound, VersionNotFound.
        """
        call = calls.version(subject, number, rendering=rendering)
        if number == LATEST:
            return self.send(call)
        return self._cached(("version", subject, number, rendering), call, self._latest_ttl)

    def with_references(self, registered: Registered, subject: str = "") -> tuple[Registered, dict[str, Schema]]:
        """A schema as codecs take it (Protobuf as its descriptor), and all that it refers to, by name, innermost first.

        Raises UnusableSchema where references nest too deeply, and NotFound.
        """
        if registered.schema.format == PROTOBUF:
            # The registry compiles .proto text; this client needs the descriptor only.
            registered = self._serialized(registered, subject)
        references: dict[str, Schema] = {}
        self._resolve(registered.schema, registered.subject or subject, references, set(), 0)
        return registered, references

    def versions(self, subject: str) -> tuple[int, ...]:
        """The version numbers of a subject. Raises SubjectNotFound."""
        return self.send(calls.versions(subject))

    def subjects(self, prefix: str = "") -> tuple[str, ...]:
        """Names of subjects, sorted."""
        return self.send(calls.subjects(prefix))

    def search(self, query: str = "", *, prefix: str = "", cursor: str = "", limit: int = 0) -> Page:
        """A page of subjects with their latest versions, found by a part or the start of the name.

        Raises NotFound or UnexpectedAnswer on a registry without Tenor's own API.
        """
        return self.send(calls.native_subjects(query, prefix=prefix, cursor=cursor, limit=limit))

    def compatibility(
        self, subject: str, schema: Schema, number: int | None = None, *, normalize: bool = False
    ) -> Compatibility:
        """Whether a schema fits the subject: one version, or all that its level demands."""
        return self.send(calls.compatibility(subject, schema, number, normalize=normalize))

    def _cached(self, key: tuple[Any, ...], call: Call[T], ttl: float = float("inf")) -> T:
        known = self._known.get(key)
        if self._observer is not None:
            self._observer.looked_up("registry", hit=known is not None)
        if known is not None:
            return known  # type: ignore[no-any-return] # one cache for answers of several types
        if (absent := self._absent.get(key)) is not None:
            # A new error each time: a raised one collects tracebacks.
            raise type(absent)(status=absent.status, code=absent.code, message=absent.message, url=absent.url)
        try:
            found = self.send(call)
        except _ABSENT as error:
            self._absent.put(key, error, self._negative_ttl)
            raise
        self._known.put(key, found, ttl)
        return found

    # --- subjects of topics -----------------------------------------------------------------------------------

    def subject_for(
        self, topic: str, part: str = "value", *, record: str | None = None, naming: str | Naming = ASSOCIATED
    ) -> str:
        """The subject of a topic's keys or values.

        `naming` is `topic`, `record`, `topic-record`, a function, or `associated`: what the registry associates with
        the topic, and otherwise `topic`. Raises ValueError for an unknown strategy or a record without name.
        """
        if naming != ASSOCIATED:
            return strategy(naming)(topic, part, record)
        key = ("association", topic, part)
        if (known := self._known.get(key)) is None:
            try:
                found = self.send(calls.associations(topic, part))
            except NotFound:  # a registry that knows no associations
                found = ()
            known = found[0].subject if found else by_topic(topic, part)
            self._known.put(key, known, self._latest_ttl)
        return str(known)

    # --- events -----------------------------------------------------------------------------------------------

    def events(
        self,
        subject: str,
        *,
        schema: Schema | str | None = None,
        register: bool = False,
        normalize: bool = False,
        version: int | None = None,
        id: int | None = None,
        guid: str | None = None,
        properties: Mapping[str, str] | None = None,
        read_as_written: bool = False,
        decode_only: bool = False,
        part: str = "value",
        framing: str = PREFIX,
        source: str = "",
        type: str = "",
        metadata: bool = True,
        header_prefix: str = "ce_",
        sanitise: Sanitise | None = None,
        compression: Compression | None = None,
        fill_defaults: bool = False,
        check_formats: bool | None = None,
        check_reads: bool = True,
        message: str = "",
        as_messages: bool = False,
        must_encrypt: Iterable[str] = (),
        upcast: Upcasting | None = None,
        read_letters: bool = False,
    ) -> Codec:
        """A codec for the events of a subject, compiled once. Which schema it writes with:

        nothing given              the newest version, followed in the background
        `schema=…`                 this one, looked up; with `register=True` registered if it is new
        `version=`, `id=`, `guid=` this one, pinned
        `properties={…}`           the newest whose metadata properties hold all of these, followed likewise

        A schema that was named is also the one events are read as, whatever version wrote them (the version this
        code was written for); without one, or with `read_as_written`, events come as they were written. A codec that
        is `decode_only` needs no schema to write with, so that a consumer may start before the first registration.

        `upcast=Upcasting()` reads older events through the plans of the registry instead, up to the schema that was
        named: opened by the rules they were written with, then brought up. Newer ones are read as that schema.

        The schema's rules always run. `must_encrypt` are tags whose fields this code will not let out unsealed,
        whatever the schema's rules have become: then the codec, or the event, is refused with Unsealed.

        With `read_letters` a record that is a dead letter is read without the conditions of its rules, which refused
        it once: for who looks into a dead-letter topic. What seals opens as ever.

        `sanitise` bounds what an event may hold, `compression` makes values smaller (readers need it, too).

        `framing` is `id-prefix` or `guid-header`, `part` which header belongs to it (`value` or `key`). `source` and
        `type` fill the CloudEvents headers, `metadata=False` leaves those out. The remaining options are those of
        `tenor.codecs.Options`. Raises NotFound, Incompatible, UnusableSchema, UnusableRule, MissingExtra,
        RegistryError.
        """
        if sum(choice is not None for choice in (schema, version, id, guid, properties)) > 1:
            raise ValueError("name one schema: schema, version, id, guid or properties")
        if framing not in (PREFIX, HEADER) or part not in wire.SCHEMA_HEADERS:
            raise ValueError(f"framing is {PREFIX} or {HEADER}, part is value or key")
        if upcast is not None and (as_messages or (schema is None and version is None and id is None and guid is None)):
            raise ValueError("upcast needs a schema that is named, and events as data (not as_messages)")
        if isinstance(schema, str):
            schema = Schema(schema)
        options = Options(fill_defaults, check_formats, check_reads, message, as_messages, subject)
        pins = frozenset((must_encrypt,) if isinstance(must_encrypt, str) else must_encrypt)
        pinned = any(choice is not None for choice in (schema, version, id, guid))

        in_use: Registered | None = None

        def current() -> Compiled:
            nonlocal in_use
            if properties is not None:
                chosen = self.send(calls.latest_with_metadata(subject, properties))
            else:
                chosen = self._chosen(subject, schema, register, normalize, version, id, guid)
            try:
                compiled = self._compiled(chosen, subject, options, pins)
                if compiled.sealing is not None:
                    # Who cannot seal learns it now, not with the first event: compiling tells which keys that takes.
                    compiled.body.writer(b"")
                    self.keys.ready(compiled.sealing.sources)
            except TenorError as error:
                if in_use is None or in_use.id == chosen.id or not _would_seal(chosen.schema, error):
                    raise
                raise StaleSchema(subject=subject, version=chosen.version, reason=str(error)) from error
            in_use = compiled.registered
            return compiled

        def written(frame: wire.Frame) -> Compiled:
            key = frame.schema if isinstance(frame.schema, int) else str(frame.schema)
            return self._compiled(self.schema(key, subject=subject), subject, options)

        compiled = None if decode_only and not pinned else current()
        settings = Settings(
            *(subject, part, framing, self.url, source, type, metadata, header_prefix, self._latest_ttl, options),
            max_behind=self._max_behind,
            read_letters=read_letters,
        )
        reads_as = compiled.body if compiled is not None and pinned and not read_as_written else None
        make = self._maker(sanitise, compression)
        upcaster = None
        if upcast is not None and compiled is not None:
            upcaster = partial(self._upcaster, subject, compiled.registered, upcast)
        origin = Source(current, written, not pinned, lambda: self.keys, upcaster, self._dead_letters)
        return make(origin, settings, compiled, reads_as)

    def _upcaster(self, subject: str, target: Registered, upcasting: Upcasting, written: Registered) -> Upcast | None:
        """What brings events of a schema up to the target; one call. Raises UpcastMissing, RegistryError."""
        if written.id == target.id:
            return None
        guid = written.guid if written.id is None else None
        number = target.version
        if number is None:
            number = (self.lookup(subject, target.schema)).version
        try:
            answer = self.send(calls.upcast(subject, id=written.id, guid=guid, to=number or LATEST))
        except NotFound as error:
            if not calls.speaks_native(error):
                raise  # a registry without plans, or a wrong path: no event's fault
            raise UpcastMissing(subject=subject, version=number, reason=str(error)) from error
        return compiled_upcast(answer, subject, upcasting)

    def _maker(self, sanitise: Sanitise | None, compression: Compression | None) -> Callable[..., Codec]:
        """What makes a codec: a plain one, unless something more was asked for."""
        if sanitise is None and compression is None and self._observer is None:
            return Codec
        from tenor._sync.watched import WatchedCodec

        return partial(WatchedCodec, sanitise=sanitise, compression=compression, observer=self._observer)

    def _chosen(
        self,
        subject: str,
        schema: Schema | None,
        register: bool,
        normalize: bool,
        version: int | None,
        id: int | None,
        guid: str | None,
    ) -> Registered:
        """The schema that a codec writes with."""
        if schema is not None:
            schema = self._wired(schema, subject)
            if not register:
                found = self.lookup(subject, schema, normalize=normalize)
                # What the schema says, and which tags it has, is the code's own word; the registry's are its rules.
                own = replace(schema, metadata=found.schema.metadata, rule_set=found.schema.rule_set)
                return replace(found, schema=own)
            registration = self.register(subject, schema, normalize=normalize)
            if registration.id is None:
                raise UnusableSchema(format=schema.format, reason="the registry gave it no id")
            # The registry may have added rules of its own (defaults and overrides of the subject): those count.
            theirs = (self.schema(registration.id, subject=subject)).schema
            schema = replace(schema, metadata=theirs.metadata, rule_set=theirs.rule_set)
            guid, number = registration.guid, registration.version
            return Registered(schema, registration.id, guid, registration.subject, number)
        if guid is not None and id is None:
            id = self._id_of(guid, subject)
        if id is not None:
            return replace(self.schema(id, subject=subject), subject=subject)
        return self.version(subject, LATEST if version is None else version)

    def _wired(self, schema: Schema, subject: str) -> Schema:
        """The schema as it travels: what SEAL rules seal and is no text is bytes there."""
        if not any(rule.type == "SEAL" for rule in parse(schema.rule_set, schema.metadata).domain):
            return schema
        from tenor.sealing.wire import wired

        references: dict[str, Schema] = {}
        self._resolve(schema, subject, references, set(), 0)
        return wired(schema, references)

    def _id_of(self, guid: str, subject: str) -> int:
        """The id of a guid in the context of a subject."""
        ids = self.send(calls.ids_of_guid(guid))
        context = _context(subject).strip(":") or "."
        if (found := dict(ids).get(context)) is None:
            message = f"Schema {guid} not found in context '{context}'"
            raise SchemaNotFound(status=404, code=40403, message=message, url=self.url)
        return found

    def _compiled(
        self, registered: Registered, subject: str, options: Options, must_encrypt: frozenset[str] = frozenset()
    ) -> Compiled:
        """Compile a schema with everything it refers to, and its rules."""
        registered, references = self.with_references(registered, subject)
        rules = parse(registered.schema.rule_set, registered.schema.metadata)
        sealing = None
        if any(rule.type in SEALING for rule in (*rules.domain, *rules.encoding)):
            sealing = self.keys.executor(subject, pinned=bool(must_encrypt))
        body = ruled(registered.schema, references, options, sealing, must_encrypt)
        return Compiled(registered, body, sealing)

    def _serialized(self, registered: Registered, subject: str) -> Registered:
        if registered.id is not None:
            found = self.schema(registered.id, subject=subject, rendering="serialized")
        elif registered.guid is not None:
            found = self.schema(registered.guid, rendering="serialized")
        else:
            raise UnusableSchema(format=PROTOBUF, reason="the registry gave it neither id nor guid")
        given, theirs = registered.schema, found.schema
        text = Schema(
            theirs.text,
            PROTOBUF,
            given.references or theirs.references,
            theirs.metadata if given.metadata is None else given.metadata,
            theirs.rule_set if given.rule_set is None else given.rule_set,
        )
        return Registered(text, registered.id, registered.guid or found.guid, registered.subject, registered.version)

    def _resolve(
        self, schema: Schema, subject: str, found: dict[str, Schema], visited: set[tuple[str, int]], depth: int
    ) -> None:
        """Collect what a schema refers to, innermost first, each name once."""
        if depth > MAX_REFERENCE_DEPTH:
            raise UnusableSchema(format=schema.format, reason=f"references nest more than {MAX_REFERENCE_DEPTH} levels")
        rendering = "serialized" if schema.format == PROTOBUF else ""
        for reference in schema.references:
            target = _qualified(reference, subject)
            if (target, reference.version) in visited:
                continue
            visited.add((target, reference.version))
            if len(visited) > MAX_REFERENCES:
                raise UnusableSchema(format=schema.format, reason=f"it refers to more than {MAX_REFERENCES} schemas")
            referred = self._referred(target, reference.version, rendering)
            self._resolve(referred.schema, target, found, visited, depth + 1)
            found.setdefault(reference.name, referred.schema)

    def _referred(self, subject: str, number: int, rendering: str) -> Registered:
        call = calls.version(subject, number, rendering=rendering, deleted=True)  # references outlive soft deletion
        return self._cached(("version", subject, number, rendering), call, self._latest_ttl)


def _context(subject: str) -> str:
    """`:.dev:` of `:.dev:orders`; empty for the default context."""
    return subject[: subject.find(":", 1) + 1] if subject.startswith(":.") else ""


def _would_seal(schema: Schema, error: TenorError) -> bool:
    """Whether a schema that cannot be used seals, or has a rule that nobody here knows."""
    sets = schema.rule_set or {}
    listed = [rule for name in ("domainRules", "encodingRules") for rule in sets.get(name) or ()]
    sealing = any(str(rule.get("type")).upper() in SEALING for rule in listed)
    return sealing or isinstance(error, UnusableRule | Unsealed)


def _qualified(reference: Reference, subject: str) -> str:
    """The subject of a reference, in the context of the schema that refers to it unless it names its own."""
    return reference.subject if reference.subject.startswith(":.") else _context(subject) + reference.subject
