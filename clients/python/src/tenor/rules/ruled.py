"""A schema together with its rules: what a codec writes and reads with.

    write   transforms · the event is valid, constraints hold · conditions · sealing · encode · seal the body
    read    open the body · decode · open · conditions · the event is valid · as the reader's schema sees it

An event is validated as plaintext, before the first sealing rule, whatever stands after that rule. On reading the
writer's rules open what they sealed; when the event is read as another schema, that one's conditions apply to it.
Never changes the event it is given. Errors about a schema with secrets name paths and no values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, Final, Protocol

from tenor.codecs import Body, Options, Plain, Read, Write, compile
from tenor.codecs.fields import MARK, Change, Choose, Field, Hands, Node, Tags, leaves, slots, walker
from tenor.consuming.dead_letters import Discretion
from tenor.errors import EncryptionError, Erased, InvalidEvent, RuleFailed, TenorError, Undecodable, Unsealed, Violation
from tenor.events import Beside
from tenor.rules import checks, steps
from tenor.rules.logical import logical as logical_of
from tenor.rules.model import (
    CONDITION,
    DLQ,
    NONE,
    READ,
    SEALING,
    WRITE,
    BodyErased,
    Opened,
    Rule,
    RuleSet,
    is_beside,
    parse,
    tagged,
    tagger,
)
from tenor.rules.steps import Step
from tenor.schemas import AVRO, PROTOBUF, Schema

PAYLOAD: Final = frozenset({"ENCRYPT_PAYLOAD", "SEAL_PAYLOAD"})
_HIDDEN: Final = "<redacted>"


class Sealing(Protocol):
    """What the rules that seal and open are made of; see `tenor.sealing`."""

    def fields(self, rule: Rule, mode: str, format: str) -> Choose:
        """How a rule seals (WRITE) or opens (READ) leaves. Raises UnusableRule."""
        ...

    def payload(self, rule: Rule, mode: str) -> Step:
        """How a rule seals or opens an encoded body. Raises UnusableRule."""
        ...

    def state(self, event: Any, beside: Beside | None) -> Any:
        """What sealing must know of one message: `event` is its plaintext, None on reading; what stands beside it."""
        ...

    def settle(self, state: Any) -> None:
        """After a step: raises KeyNotReady if it could not open something for want of a key."""
        ...


class RuledBody:
    """A compiled schema that runs its rules. Raises UnusableRule, UnusableSchema, Unsealed, MissingExtra.

    `body` is what travels and `logical` what events are of: they differ where a rule seals what is no text.
    """

    def __init__(
        self,
        body: Plain,
        logical: Plain,
        schema: Schema,
        rules: RuleSet,
        sealing: Sealing | None,
        must_encrypt: frozenset[str],
    ) -> None:
        self.body, self.logical, self.rules = body, logical, rules
        self.format, self.record, self.indexes = body.format, body.record, body.indexes
        self._schema = schema
        self._sealing, self._pins = sealing, must_encrypt
        self._tags: Tags = tagger(schema.metadata)
        self.secretive = any(rule.type in SEALING for rule in (*rules.domain, *rules.encoding))
        self._trees: dict[Any, Node] = {}
        self._encoding(READ)  # what cannot be run is refused now, not at the first event
        if body.indexes is not None or body.format != PROTOBUF:
            self._domain(READ, None)

    @cached_property
    def looks_beside(self) -> bool:
        """Whether writers and readers take what stands beside a value as one argument more, `beside`."""
        rules = [rule for rule in (*self.rules.domain, *self.rules.encoding) if rule.type in SEALING]
        if any(rule.looks_beside for rule in rules):
            return True
        if not rules or (self.body.indexes is None and self.format == PROTOBUF):
            return False
        return any(is_beside(slot.properties.get("tenor.dataSubject")) for slot in slots(self._tree(WRITE, None)))

    @cached_property
    def proves_sealed(self) -> bool:
        """Whether what can be read was sealed: each sealing rule of writing opens, too, and fails if it cannot."""
        written = [rule for rules in self.rules.of(WRITE) for rule in rules if rule.type in SEALING]
        return all(rule.runs_in(READ) and rule.action(READ, failed=True) != NONE for rule in written)

    # --- writing --------------------------------------------------------------------------------------------

    def writer(self, head: bytes) -> Write:
        """A function that runs the rules of writing over an event and writes it behind `head`."""
        before, after, encoding, asserted = self._writing
        # The head goes before the body last of all, if rules change the body.
        serialize, sealing = self.body.serializer(b"" if encoding else head), self._sealing
        check, hides, as_dict = self.logical.checked, self.hides, self.logical.as_dict
        inline = self._inline
        if self._bare(WRITE) and inline is None and asserted is None:
            return self.body.writer(head)

        def write(event: Any, beside: Beside | None = None) -> bytes:
            state = None
            try:
                if before:
                    event = as_dict(event)
                    for step in before:
                        event = step(event, None)
                event = check(event)
                if inline is not None:
                    inline(event)
                if sealing is not None:
                    state = sealing.state(event, beside)
                for step in after:
                    event = step(event, state)
                if asserted is not None:
                    asserted(event, state)
                data = serialize(event)
            except InvalidEvent as error:
                raise hides(error) from None
            if not encoding:
                return data
            for step in encoding:
                data = step(data, state)
            return head + data

        return write

    def _bare(self, mode: str) -> bool:
        """Whether nothing happens in this mode but what the body does by itself, and no error has a value to hide."""
        return not (any(self.rules.of(mode)) or self.secretive) and self.logical is self.body

    @cached_property
    def _writing(self) -> tuple[list[Step], list[Step], list[Step], Callable[[Any, Any], None] | None]:
        return (*self._sorted(), self._encoding(WRITE), self._assertion())

    def _sorted(self) -> tuple[list[Step], list[Step]]:
        """The steps before and after validation: it is as late as possible, and before anything is sealed."""
        rules, _ = self.rules.of(WRITE)
        first = next((at for at, rule in enumerate(rules) if rule.type in SEALING), len(rules))
        changes = [at for at, rule in enumerate(rules[:first]) if rule.kind != CONDITION]
        last = changes[-1] + 1 if changes else 0
        steps = [self._step(rule, WRITE, None) for rule in rules]
        return steps[:last], steps[last:]

    @cached_property
    def _inline(self) -> Callable[[Any], None] | None:
        look = (
            checks.compile(self._tree(WRITE, None))
            if self.body.indexes is not None or self.format != PROTOBUF
            else None
        )
        if look is None:
            return None

        def keep(event: Any) -> None:
            found: list[Violation] = []
            look(event, "", found)
            if found:
                raise InvalidEvent(found, self.record or "its schema")

        return keep

    def _assertion(self) -> Callable[[Any, Any], None] | None:
        """What pins demand: refuses a schema that leaves such a field open, and an event in which one is."""
        if not self._pins:
            return None
        rules, encoding = self.rules.of(WRITE)
        if any(rule.type in PAYLOAD for rule in encoding):
            return None
        sealing = [rule for rule in rules if rule.type in SEALING]
        root = self._tree(WRITE, None)
        for slot in slots(root):
            tags = self._tags(slot)
            if tags & self._pins and not any(tagged(rule, tags) for rule in sealing):
                raise Unsealed(path=slot.full_name, tags=", ".join(sorted(tags & self._pins)))
        if stray := self._pins & self.logical.stray_tags():
            raise Unsealed(path="What no rule sees", tags=", ".join(sorted(stray)))

        def choose(field: Field) -> Change | None:
            if field.leaf.type == "NULL" or not field.tags & self._pins:
                return None

            def sealed(value: Any, record: Any, state: Any) -> Any:
                if value is not None and (state is None or value not in state.emitted):
                    raise Unsealed(path=field.path, tags=", ".join(sorted(field.tags & self._pins)))
                return value

            return sealed

        walk = walker(root, choose, self._tags, Hands.LOOK)
        return None if walk is None else lambda event, state: walk(event, None, state)

    # --- reading --------------------------------------------------------------------------------------------

    def reader(self, indexes: tuple[int, ...] | None, reads_as: Body | None, *, raw: bool = False) -> Read:
        """A function that opens an event with the rules it was written with."""
        theirs = reads_as.logical if isinstance(reads_as, RuledBody) else reads_as
        other = theirs is not None and theirs is not self.logical
        self.logical.reader(indexes, theirs)  # refuses schemas that do not fit
        encoding, sealing = self._encoding(READ), self._sealing
        inner: dict[Any, tuple[Read, list[Step], Read | None]] = {}

        def parts(path: tuple[int, ...] | None) -> tuple[Read, list[Step], Read | None]:
            if (known := inner.get(path)) is None:
                final = self.logical.reader(path, theirs) if other or self.format == PROTOBUF else None
                steps = self._domain(READ, path, opening=True if other else None)
                known = inner[path] = (self.body.reader(path, None, raw=True), steps, final)
            return known

        later: list[Step] = []
        if other and isinstance(reads_as, RuledBody):
            later = reads_as._domain(READ, None, opening=False, hidden=self.secretive or reads_as.secretive)

        if self._bare(READ) and not later:
            return self.body.reader(indexes, theirs if other else None, raw=raw)
        if self.format != PROTOBUF and not encoding and not other and not later:
            return self._opener()

        def read(data: bytes, at: int, beside: Beside | None = None) -> Any:
            path, start = self.body.located(data, at, indexes)
            decode, steps, final = parts(path)
            state = None if sealing is None else sealing.state(None, beside)
            content = data[start:] if start else data
            try:
                for step in encoding:
                    content = step(content, state)
            except BodyErased:
                return Opened(None, ("",))
            event = decode(content, 0)
            gone = ()
            try:
                for step in steps:
                    event = step(event, state)
                gone = state.erased if state is not None and state.erased else ()
                if not other and not gone:  # what stands in for an erased value may break the schema
                    self.logical.judge(event)
                if final is not None:
                    event = final(self.logical.serializer(b"", path)(event), 0)
            except InvalidEvent as error:
                raise self.hides(error) from None
            except Undecodable as error:
                if not self.secretive:
                    raise
                reason = "a value does not fit the schema that it is read as"
                raise Undecodable(**{**error.data, "reason": reason}) from None
            for step in later:
                event = step(event, None)
            return Opened(event, tuple(dict.fromkeys(gone))) if gone else event

        return read

    def _opener(self) -> Read:
        """The commonest reader: fields are opened, and the event is read as it was written."""
        decode, steps = self.body.reader(None, None, raw=True), self._domain(READ, None)
        sealing, judge = self._sealing, self.logical.judge

        def read(data: bytes, at: int, beside: Beside | None = None) -> Any:
            event = decode(data, at)
            state = None if sealing is None else sealing.state(None, beside)
            try:
                for step in steps:
                    event = step(event, state)
                if state is not None and state.erased:
                    return Opened(event, tuple(dict.fromkeys(state.erased)))
                judge(event)
            except InvalidEvent as error:
                raise self.hides(error) from None
            return event

        return read

    def _domain(
        self, mode: str, path: tuple[int, ...] | None, *, opening: bool | None = None, hidden: bool | None = None
    ) -> list[Step]:
        """The steps of reading; only those that open, or only the others. `hidden`: no error may quote the event."""
        rules, _ = self.rules.of(mode)
        chosen = [rule for rule in rules if opening is None or (rule.type in SEALING) is opening]
        return [self._step(rule, mode, path, hidden) for rule in chosen]

    def name_of(self, data: bytes, at: int, indexes: tuple[int, ...] | None) -> str:
        return self.body.name_of(data, at, indexes)

    # --- rules ----------------------------------------------------------------------------------------------

    def _tree(self, mode: str, path: tuple[int, ...] | None) -> Node:
        """What events look like when written, or what travels when read."""
        if (mode, path) not in self._trees:
            self._trees[mode, path] = (self.logical if mode == WRITE else self.body).tree(path)
        return self._trees[mode, path]

    def _encoding(self, mode: str) -> list[Step]:
        _, rules = self.rules.of(mode)
        for rule in rules:
            if rule.type not in PAYLOAD:
                raise rule.refused(f"this client cannot run {rule.type or 'a rule without type'} on an encoded body")
            _require_closed(rule, mode)
        return [self._guarded(rule, mode, self._keys(rule).payload(rule, mode)) for rule in rules]

    def _step(self, rule: Rule, mode: str, path: tuple[int, ...] | None, hidden: bool | None = None) -> Step:
        match rule.type:
            case "CEL":
                run = steps.cel_message(rule, mode)
            case "CEL_FIELD":
                run = steps.cel_fields(rule, mode, self._tree(WRITE, path), self._tags, nulls=self.format == AVRO)
            case "JSONATA":
                run = steps.jsonata_message(rule, mode)
            case "ENCRYPT" | "SEAL":
                run = self._sealed(rule, mode, path)
            case other:
                raise rule.refused(f"this client cannot run {other or 'a rule without type'} on an event")
        return self._guarded(rule, mode, run, self.secretive if hidden is None else hidden)

    def _guarded(self, rule: Rule, mode: str, run: Step, hidden: bool = True) -> Step:
        """A rule with its actions. `hidden`: its error does not tell what the engine says: that may quote the event."""
        ignores, sets_aside = (rule.action(mode, failed=True) == action for action in (NONE, DLQ))
        refuses = rule.action(mode, failed=False)

        def step(event: Any, state: Any) -> Any:
            try:
                result = run(event, state)
            except RuleFailed:
                if ignores:
                    return event
                raise
            except (InvalidEvent, BodyErased):
                raise
            except TenorError as error:
                if ignores and error.kind != "KEY_NOT_READY":
                    return event
                if not sets_aside or isinstance(error, Erased) or getattr(error, "retryable", False):
                    raise
                # Errors of keys tell names and places, and nothing of what they seal.
                reason = str(error).rstrip(".") if isinstance(error, EncryptionError) else type(error).__name__
                raise rule.failed(reason, mode) from error
            except Exception as error:  # engines raise whatever an expression meets
                if ignores:
                    return event
                raise rule.failed(_reason(error, rule, hidden), mode) from (None if hidden else error)
            if refuses != NONE:
                raise rule.objected(mode)
            return result

        return step

    def _sealed(self, rule: Rule, mode: str, path: tuple[int, ...] | None) -> Step:
        sealing = self._keys(rule)
        _require_closed(rule, mode)
        if mode == WRITE:
            self._require_reached(rule, path)
        choose = sealing.fields(rule, mode, self.format)
        # What was read is nobody's yet; but a failure that is to be ignored must leave it whole.
        own = mode == READ and rule.action(mode, failed=True) != NONE
        tree = self._tree(mode, path)
        if mode == READ:
            tree = self.body.tree(path, self._sealed_slots(tree))
        walk = walker(tree, choose, self._tags, Hands.OWN if own else Hands.COPY)
        if walk is None:
            return steps.unchanged

        def seal(event: Any, state: Any) -> Any:
            try:
                return walk(event, None, state)
            except (TypeError, ValueError, AttributeError, KeyError):
                # Some of what is wrong with an event is left to the library that writes it: this comes before.
                if found := self.logical.violations(state.root):
                    raise InvalidEvent(found, self.record or "its schema") from None
                raise

        if mode == WRITE:
            return seal

        def run(event: Any, state: Any) -> Any:
            event = walk(event, None, state)
            if state.missing:
                sealing.settle(state)
            return event

        return run

    def _require_reached(self, rule: Rule, path: tuple[int, ...] | None) -> None:
        """Refuse a schema with tags that no client acts on: who put them there believes that something is sealed."""
        if stray := rule.tags & self.logical.stray_tags():
            reason = f"the schema has the tag {', '.join(sorted(stray))} where no rule sees it: tags belong to fields"
            raise rule.refused(reason)
        for slot in slots(self._tree(WRITE, path)):
            if not rule.tags or not tagged(rule, self._tags(slot)):
                continue
            records = [end for end in _ends(slot.node) if end.kind == "record"]
            inner = [each for record in records for each in slots(record) if leaves(each.node)]
            if records and not all(tagged(rule, self._tags(each)) for each in inner):
                more = "" if self.format != PROTOBUF else ", or seal all of it as bytes (tenor.sealed)"
                reason = f"{slot.full_name} is a record: a tag does not reach its fields, tag them instead{more}"
                raise rule.refused(reason)

    def _sealed_slots(self, tree: Node) -> frozenset[str]:
        """Full names of the slots that some rule seals."""
        rules = [rule for rule in self.rules.domain if rule.type in SEALING]
        found = [slot for slot in slots(tree) if any(tagged(rule, self._tags(slot)) for rule in rules)]
        return frozenset(slot.full_name for slot in found if leaves(slot.node))

    def _keys(self, rule: Rule) -> Sealing:
        if self._sealing is None:
            raise rule.refused("it needs keys, and this codec was made without")
        return self._sealing

    # --- dead letters ---------------------------------------------------------------------------------------

    def lenient(self) -> RuledBody:
        """The same without what only says no: its transforms and its seals. Writes what a rule refused, sealed; reads
        what was dead-lettered."""

        def kept(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
            chosen = [rule for rule in rules if rule.type in SEALING or rule.kind != CONDITION]
            return tuple(replace(rule, on_success="") for rule in chosen)

        rules = RuleSet(kept(self.rules.domain), kept(self.rules.encoding))
        return RuledBody(self.body, self.logical, self._schema, rules, self._sealing, self._pins)

    @cached_property
    def discretion(self) -> Discretion:
        """What may be told of an event that cannot be sealed: nothing that a tag marks, and of a schema with secrets
        only what it is known to show."""
        every = list(slots(self._tree(WRITE, None)))
        marked = frozenset(slot.name for slot in every if self._tags(slot))
        if not self.secretive:
            return Discretion(lambda name: True, lambda name: True, marked)
        known = frozenset(slot.name for slot in every)
        return Discretion(known.__contains__, self._open.__contains__, marked)

    # --- discretion -----------------------------------------------------------------------------------------

    @cached_property
    def _open(self) -> frozenset[str]:
        """Names of fields that are never sealed: only of those may an error show the value."""
        if any(rule.type in PAYLOAD for rule in (*self.rules.domain, *self.rules.encoding)):
            return frozenset()
        every = slots(self._tree(WRITE, None))
        plain = {slot.name for slot in every if all(node.kind == "leaf" for node in _ends(slot.node))}
        return frozenset(plain - self._secret)

    @cached_property
    def _secret(self) -> frozenset[str]:
        """Names of fields that are sealed."""
        rules = [rule for rule in (*self.rules.domain, *self.rules.encoding) if rule.type in SEALING]
        every = slots(self._tree(WRITE, None))
        return frozenset(slot.name for slot in every if any(tagged(rule, self._tags(slot)) for rule in rules))

    def _shows(self, path: str) -> bool:
        """Whether an error may tell the value there: a sealed map may have a key that is an open field's name."""
        names = _names(path)
        return bool(names) and names[-1] in self._open and self._secret.isdisjoint(names)

    def hides(self, error: InvalidEvent) -> InvalidEvent:
        """The error without the values of what is sealed, and of what might be: only known open fields are shown."""
        if not self.secretive:
            return error
        found = [each if not each.value or self._shows(each.path) else _hidden(each) for each in error.violations]
        return InvalidEvent(found, error.subject)


def ruled(
    schema: Schema,
    references: Mapping[str, Schema],
    options: Options,
    sealing: Sealing | None = None,
    must_encrypt: frozenset[str] = frozenset(),
) -> Body:
    """A schema compiled with its rules. Raises UnusableSchema, UnusableRule, Unsealed, MissingExtra."""
    body = compile(schema, references, options)
    rules = parse(schema.rule_set, schema.metadata)
    inline = any(_may_have_checks(each) for each in (schema, *references.values()))
    if not (rules.domain or rules.encoding or inline or must_encrypt):
        return body
    logical = body
    if schema.format == PROTOBUF:
        if rules.domain or rules.encoding or must_encrypt:
            logical = getattr(body, "unsealed", None) or body
    elif MARK in schema.text:
        logical = compile(logical_of(schema), references, options)
    return RuledBody(body, logical, schema, rules, sealing, must_encrypt)


def read_by(body: Body, schema: Schema, reads_as: Body | None) -> Body:
    """What was written without rules, for a reader whose schema has some: they apply to what it reads."""
    if not isinstance(reads_as, RuledBody) or isinstance(body, RuledBody):
        return body
    plain: Any = body
    return RuledBody(plain, plain, schema, RuleSet(), None, frozenset())


def _may_have_checks(schema: Schema) -> bool:
    return schema.format == PROTOBUF or "confluent:rules" in schema.text


def _require_closed(rule: Rule, mode: str) -> None:
    if mode == WRITE and rule.action(WRITE, failed=True) == NONE:
        raise rule.refused("it would let plaintext out when it fails (onFailure NONE)")


def _reason(error: Exception, rule: Rule, hidden: bool) -> str:
    if isinstance(error, KeyError) and not (hidden and str(error.args[0]) not in rule.expr):  # a key may be a value
        return f"the field {error} is missing"
    text = "" if hidden else " ".join(str(error).split())[:160]
    return text or type(error).__name__


def _ends(node: Node, depth: int = 0) -> list[Node]:
    """What a slot ends in: leaves, or records."""
    if node.kind in ("leaf", "record") or depth > 50:
        return [node]
    inner = ([node.item] if node.item else []) + [branch for _, branch in node.branches]
    return [end for each in inner for end in _ends(each, depth + 1)]


def _names(path: str) -> list[str]:
    """The names of fields and keys on a pointer's way, without indexes."""
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    return [step for step in steps if not step.isdigit()]


def _hidden(violation: Violation) -> Violation:
    return Violation(
        violation.path, violation.rule, _HIDDEN, f"the value breaks the rule '{violation.rule}' ({_HIDDEN})"
    )
