# Generated from src/tenor/_async/confluent.py by generate_sync.py: change that file, not this one.

"""Serialiser and deserialiser for confluent-kafka's clients. Synchronous.

They take what the stock ones take (schema, to_dict or from_dict, a dict of settings) and a Tenor registry in place of
the stock client. What differs on purpose: events are always validated exactly, an unknown field is refused, and the
schema is compiled once instead of being looked up and walked for every message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, Final

from tenor import wire
from tenor._sync.codec import Codec
from tenor._sync.concurrency import Lock
from tenor._sync.registry import Registry
from tenor._sync.snapshots import HEADER, PREFIX
from tenor.errors import KeyNotReady, RuleFailed, UnusableSchema
from tenor.events import RecordKey, steers
from tenor.naming import ASSOCIATED, Naming, by_topic, record_name
from tenor.schemas import AVRO, Reference, Schema

_STRATEGIES: Final = {
    "ASSOCIATED": ASSOCIATED,
    "TOPIC": "topic",
    "RECORD": "record",
    "TOPIC_RECORD": "topic-record",
}
_FRAMINGS: Final = {"prefix_schema_id_serializer": PREFIX, "header_schema_id_serializer": HEADER}
_SHARED: Final = {"subject.name.strategy", "subject.name.strategy.type", "subject.name.strategy.conf"}
_WRITING: Final = _SHARED | {
    *("auto.register.schemas", "normalize.schemas", "use.schema.id", "use.latest.version"),
    *("use.latest.with.metadata", "schema.id.serializer", "validate.strict", "validate.strict.allow.default"),
}
_READING: Final = _SHARED | {"use.latest.version", "use.latest.with.metadata", "schema.id.deserializer", "validate"}


class Serializer:
    """Turns objects into framed bytes, for `value.serializer` and `key.serializer` of a SerializingProducer.

    `schema`   text of an Avro schema, a tenor.Schema or confluent_kafka's; without one the subject's newest is used
    `to_dict`  makes an event of an object: `to_dict(object, context)`
    `conf`     stock settings by their stock names; as there, a given schema is registered unless told otherwise
    `key_of`   finds the record's key, which the context does not tell, for rules that ask for it:
               `key_of(object, context)`, the bytes that the producer is given as key
    `options`  those of `Registry.events`; missing fields get their defaults unless `validate.strict` is set

    Headers (CloudEvents, and the guid with header framing) are added to the context's list of headers, if it has one.
    Raises ValueError for a setting that it does not know, and everything that `encode` raises.
    """

    def __init__(
        self,
        registry: Registry,
        schema: Any = None,
        to_dict: Callable[[Any, Any], Any] | None = None,
        conf: Mapping[str, Any] | None = None,
        *,
        naming: str | Naming = ASSOCIATED,
        key_of: Callable[[Any, Any], RecordKey] | None = None,
        **options: Any,
    ) -> None:
        _without_rules(options)
        conf = _known(conf, _WRITING)
        self._registry, self._to_dict, self._key_of = registry, to_dict, key_of
        self._naming = _naming(conf, naming)
        self._schema = _schema(schema)
        self._options = {**_writing(conf, self._schema), **options}
        self._in_headers = self._options["framing"] == HEADER
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._cold = Lock()

    def __call__(self, obj: Any, ctx: Any = None) -> bytes | None:
        """Serialise one object. None is a tombstone."""
        if obj is None:
            return None
        try:
            codec = self._codecs[ctx.topic, ctx.field]
        except (KeyError, AttributeError):
            codec = self._codec(*_place(ctx))
        event = obj if self._to_dict is None else self._to_dict(obj, ctx)
        headers = ctx.headers
        key = None if self._key_of is None else self._key_of(obj, ctx)
        if headers is None:
            if self._in_headers:
                raise ValueError("framing by guid header needs a list or dict of headers to put it into")
            try:
                return codec.encode_value(event, record_key=key, topic=ctx.topic)
            except KeyNotReady:
                codec.prepare(event, record_key=key)
                return codec.encode_value(event, record_key=key, topic=ctx.topic)
            except RuleFailed as refused:
                if refused.pending:
                    codec.dead_letter(refused, event, record_key=key, topic=ctx.topic)
                raise
        message = codec.encode_when_ready(event, headers=headers, record_key=key, topic=ctx.topic)
        _put_headers(headers, message.headers, ctx.field)
        return message.value

    def _codec(self, topic: str, part: str) -> Codec:
        with self._cold:
            if (known := self._codecs.get((topic, part))) is None:
                record = None if self._schema is None else record_name(self._schema, self._options.get("message", ""))
                subject = self._registry.subject_for(topic, part, record=record, naming=self._naming)
                known = self._registry.events(subject, part=part, **self._options)
                self._codecs[topic, part] = known
            return known


class Deserializer:
    """Turns framed bytes into events, for `value.deserializer` and `key.deserializer` of a DeserializingConsumer.

    `schema`     the schema to read as: its registered form must be known to the registry
    `from_dict`  makes an object of an event: `from_dict(event, context)`
    `conf`       stock settings by their stock names
    `options`    those of `Registry.events`

    Raises ValueError for a setting that it does not know, and everything that `decode` raises. It is told no key: what
    a rule bound to the record's key (`tenor.bind`) opens for a consumer of `tenor.integrations.kafka.records` only.
    """

    def __init__(
        self,
        registry: Registry,
        schema: Any = None,
        from_dict: Callable[[Any, Any], Any] | None = None,
        conf: Mapping[str, Any] | None = None,
        *,
        naming: str | Naming = ASSOCIATED,
        **options: Any,
    ) -> None:
        _without_rules(options)
        self._conf = _known(conf, _READING)
        self._registry, self._from_dict = registry, from_dict
        self._naming = _naming(self._conf, naming)
        self._schema = _schema(schema)
        self._options = options
        if "validate" in self._conf:
            self._options = {"check_reads": bool(self._conf["validate"]), **options}
        self._record = None if self._schema is None else record_name(self._schema, options.get("message", ""))
        self._by_record = self._record is None and self._naming in ("record", "topic-record")
        self._codecs: dict[tuple[str, str, Any], Codec] = {}
        """By topic, part and, where the writer's record names the subject, the schema that a frame names."""
        self._cold = Lock()

    def __call__(self, data: bytes | None, ctx: Any = None) -> Any:
        """Deserialise one value. None stays None."""
        if data is None:
            return None
        topic, part = _place(ctx)
        headers = getattr(ctx, "headers", None)
        written = wire.read(data, headers, part=part, protobuf=None).schema if self._by_record else None
        codec = self._codecs.get((topic, part, written)) or self._codec(topic, part, written)
        event = codec.decode(data, headers, topic=topic)
        return event.data if self._from_dict is None else self._from_dict(event.data, ctx)

    def _codec(self, topic: str, part: str, written: Any) -> Codec:
        with self._cold:
            if (known := self._codecs.get((topic, part, written))) is None:
                record, naming = self._record, self._naming
                if written is not None:
                    number = written if isinstance(written, int) else str(written)
                    record = record_name((self._registry.schema(number, subject=by_topic(topic, part))).schema)
                    naming = naming if record is not None else "topic"  # what Protobuf and nameless schemas get
                subject = self._registry.subject_for(topic, part, record=record, naming=naming)
                known = self._registry.events(subject, part=part, **self._reading(subject))
                self._codecs[topic, part, written] = known
            return known

    def _reading(self, subject: str) -> dict[str, Any]:
        """Which schema to read as."""
        if self._schema is not None:
            return {"schema": self._schema, **self._options}
        if self._conf.get("use.latest.version"):
            return {"version": (self._registry.version(subject)).version, **self._options}
        if (properties := self._conf.get("use.latest.with.metadata")) is not None:
            from tenor.calls import latest_with_metadata

            found = self._registry.send(latest_with_metadata(subject, properties))
            return {"version": found.version, **self._options}
        return {"decode_only": True, **self._options}


# --- settings --------------------------------------------------------------------------------------------------


def _without_rules(options: Mapping[str, Any]) -> None:
    """Refuse the stock ways to configure or override rules: those of the schema run, with the registry's keys."""
    if given := sorted({"rule_conf", "rule_registry"} & set(options)):
        raise ValueError(f"{', '.join(given)}: a schema's rules always run here; keys belong to Registry(keys=Keys(…))")


def _known(conf: Mapping[str, Any] | None, names: set[str]) -> dict[str, Any]:
    given = dict(conf or {})
    if unknown := sorted(set(given) - names):
        raise ValueError(f"unknown settings: {', '.join(unknown)}")
    return given


def _writing(conf: Mapping[str, Any], schema: Schema | None) -> dict[str, Any]:
    """The options of `events` that stock settings stand for."""
    options: dict[str, Any] = {
        "normalize": bool(conf.get("normalize.schemas", False)),
        "framing": _framing(conf.get("schema.id.serializer")),
        "fill_defaults": not conf.get("validate.strict") or bool(conf.get("validate.strict.allow.default")),
    }
    register = bool(conf.get("auto.register.schemas", True))
    if (schema_id := conf.get("use.schema.id")) is not None:
        return {**options, "id": schema_id}
    if (properties := conf.get("use.latest.with.metadata")) is not None:
        return {**options, "properties": properties}
    if conf.get("use.latest.version"):
        if conf.get("auto.register.schemas"):
            raise ValueError("use.latest.version and auto.register.schemas exclude each other")
        return options
    return options if schema is None else {**options, "schema": schema, "register": register}


def _framing(function: Any) -> str:
    if function is None:
        return PREFIX
    try:
        return _FRAMINGS[function.__name__]
    except (KeyError, AttributeError):
        raise ValueError(f"schema.id.serializer is one of {', '.join(_FRAMINGS)}, not {function!r}") from None


def _naming(conf: Mapping[str, Any], naming: str | Naming) -> str | Naming:
    if (function := conf.get("subject.name.strategy")) is not None:

        def stock(topic: str, part: str, record: str | None) -> str:
            return str(function(SimpleNamespace(topic=topic, field=part), record))

        return stock
    kind = conf.get("subject.name.strategy.type")
    if kind is None:
        return naming
    name = str(getattr(kind, "value", kind)).upper()
    if name not in _STRATEGIES:
        raise ValueError(f"subject.name.strategy.type is one of {', '.join(_STRATEGIES)}, not {name}")
    return _STRATEGIES[name]


def _schema(given: Any) -> Schema | None:
    """A schema however it was given: text, ours, or the stock client's with its rules and metadata."""
    if given is None or isinstance(given, Schema):
        return given
    if isinstance(given, str):
        return Schema(given)
    text = getattr(given, "schema_str", None)
    if not isinstance(text, str):
        raise UnusableSchema(format=AVRO, reason=f"a schema is a text or a Schema, not {type(given).__name__}")
    references = tuple(Reference(each.name, each.subject, each.version) for each in given.references or ())
    kind = given.schema_type or AVRO
    return Schema(text, kind, references, _data(given, "metadata"), _data(given, "rule_set"))


def _data(given: Any, name: str) -> Mapping[str, Any] | None:
    """A part of a stock schema as the registry's JSON. Raises UnusableSchema: a rule that is lost seals nothing."""
    part = getattr(given, name, None)
    data = part if part is None or isinstance(part, Mapping) else getattr(part, "to_dict", lambda: part)()
    if data is None or isinstance(data, Mapping):
        return data
    raise UnusableSchema(format=AVRO, reason=f"its {name} is data, not {type(part).__name__}")


def _place(ctx: Any) -> tuple[str, str]:
    """Topic and part of a SerializationContext."""
    if ctx is None or not getattr(ctx, "topic", None):
        raise ValueError("a SerializationContext with a topic is needed to find the subject")
    return ctx.topic, ctx.field


def _put_headers(present: list[tuple[str, Any]] | dict[str, Any], headers: list[tuple[str, bytes]], part: str) -> None:
    """Add headers of an event to a context's own. Those of its input that would steer its readers are taken out.

    Key and value share one set of headers: metadata of the first stay, each keeps its own schema.
    """
    given = present if isinstance(present, list) else list(present.items())
    steering = {name for name, _ in given if steers(name, part)}
    taken = {name for name, _ in given} - steering
    if isinstance(present, list):
        present[:] = [header for header in present if header[0] not in steering]
        present.extend(header for header in headers if header[0] not in taken)
    else:
        for name in steering:
            del present[name]
        present.update((name, value) for name, value in headers if name not in taken)
