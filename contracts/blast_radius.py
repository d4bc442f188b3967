"""Use case: whom does a change of a schema hurt? Plain functions over a transaction handle.

`BlastRadius` is what the registry asks (`registry.objections.Objector`): before a registration is committed, before a
version is deleted, and for the answer of a native registration. The native API asks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from contracts import impact as impacts
from contracts import old_events, protection, readers, tagged
from contracts.impact import Direction, FieldUse, Impact, Outcome, Question, Reader, Row, Unreadable
from contracts.judging import judge
from contracts.old_events import Old
from contracts.options import Options
from contracts.protection import Protect, Protection, Waiver
from contracts.queries import aliases, referrers
from contracts.queries import needs as queries
from contracts.queries import protection as policies
from registry import formats
from registry.clock import now_ms
from registry.errors import InvalidSchema, OperationNotPermitted
from registry.evolution.changes import changes
from registry.evolution.levels import Conflict, Earlier, Level, conflicts
from registry.evolution.windows import Held, Window
from registry.formats.base import ChangeKind, Finding, Schema, Severity, Source
from registry.names import Subject
from registry.objections import CONSUMER_BREAKS, CONSUMER_UNKNOWN, FIELD_PROTECTED, NOT_READABLE, Candidate, InUse
from registry.references import Resolver
from registry.store.engine import Db
from registry.store.queries import schemas
from registry.store.queries.schemas import Version

Crossable = Callable[[Db, Subject, int, Schema], bool]
"""Whether a proven upcaster brings events of a version to what a candidate reads."""

Visible = Callable[[Subject], bool]
Among = Collection[tuple[str, str]] | None
"""Only these versions of applications; None is all."""

_READS = Level("WINDOW", backward=True, forward=False, transitive=True)
_TOUCHING = (ChangeKind.REMOVED, ChangeKind.MOVED, ChangeKind.RENAMED, ChangeKind.RETYPED, ChangeKind.LOOSENED)
_MOST_OBJECTIONS = 50
_MOST_TOUCHED = 5_000


def never(db: Db, subject: Subject, version: int, candidate: Schema) -> bool:
    """No upcasters are known."""
    return False


class BlastRadius:
    """Speaks for the consumers."""

    def __init__(self, options: Options, *, crossable: Crossable = never) -> None:
        self.options = options
        self.warnings_pass = options.warnings_pass
        self.on_refusal: Callable[[Subject, Sequence[str]], None] = lambda subject, sentences: None
        self.crossable = crossable

    # What the registry asks.

    def epoch(self, db: Db) -> int:
        """Moves with needs, deployments, waivers and policies."""
        return queries.epoch(db)

    def to_registering(
        self, db: Db, subject: Subject, candidate: Candidate, history: Sequence[Version]
    ) -> Sequence[Conflict]:
        """What the policy of a subject has against a new version: sentences that name the consumers."""
        policy = protection.effective(policies.policies(db), str(subject))
        newest = history[0].version if history else 0
        found: list[Conflict] = []
        if policy.readable_for is not None:
            for each in self._unreadable(
                db, subject, candidate.schema, old_events.kept(db, subject, policy.readable_for)
            ):
                told = f"version {each.version} must stay readable: {each.reason}"
                found.append(_objection(NOT_READABLE, each.path or "/", told, each.version, forward=False))
        if policy.protect is Protect.EVERYTHING and history:
            found += _touched_fields(db, candidate.schema, history[0])
        if policy.protect is not None:
            answer = self.ask(db, subject, candidate, history, window=policy.readable_for, consumers_only=True)
            found += _of_consumers(answer, policy.protect, newest, warnings_pass=self.warnings_pass)
        return found[:_MOST_OBJECTIONS]

    def accepted(self, db: Db, subject: Subject, conflicts: Sequence[Conflict]) -> Sequence[Conflict]:
        """Conflicts of the compatibility level, of which those are warnings that a waiver without a consumer speaks of.

        Its path is one that the finding shows: as it is printed, or a pointer into one of the texts.
        """
        now, name = now_ms(), str(subject)
        live = [each for each in protection.about(policies.waivers(db), name) if not each.consumer and each.until > now]
        return [_accepted(each, live, name) for each in conflicts] if live else conflicts

    def refused(self, subject: Subject, conflicts: Sequence[Conflict]) -> None:
        """Pass it on to whoever announces refusals."""
        found = [each.finding.told(forward=each.forward) for each in conflicts if each.breaks]
        self.on_refusal(subject, found)

    def to_deleting(self, db: Db, subject: Subject, versions: Sequence[int]) -> None:
        """Raises OperationNotPermitted if the support window holds one of the versions."""
        policy = protection.effective(policies.policies(db), str(subject))
        if policy.readable_for is None:
            return
        wanted = set(versions)
        for each in old_events.held(db, policy.readable_for, schemas.history(db, subject, deleted=True)):
            if each.version in wanted:
                when = "" if each.until is None else f" It may be deleted from {_date(each.until)} on."
                raise OperationNotPermitted(
                    f"Version {each.version} of subject '{subject}' is inside the support window: {each.why}.{when}",
                    subject=str(subject),
                    version=each.version,
                    until=each.until,
                )

    def impact(
        self,
        db: Db,
        subject: Subject,
        candidate: Candidate,
        history: Sequence[Version],
        visible: Visible | None = None,
        among: Among = None,
    ) -> Mapping[str, Any]:
        """The answer as plain data."""
        policy = protection.effective(policies.policies(db), str(subject))
        found = self.ask(db, subject, candidate, history, window=policy.readable_for, among=among)
        return told(found, policy, visible)

    def in_use(self, db: Db, tag: str, subject: Subject) -> InUse:
        """What is in use of a subject where a tag is. Raises UnknownTag."""
        return tagged.in_use(db, tag, subject)

    # What everybody asks.

    def ask(
        self,
        db: Db,
        subject: Subject,
        candidate: Candidate,
        history: Sequence[Version],
        *,
        window: Window | None,
        among: Among = None,
        consumers_only: bool = False,
    ) -> Impact:
        """The impact of a candidate on the readers of its subject, and of those that refer to it.

        `consumers_only` leaves out which versions of the window it does not read, whoever reads them.
        """
        name, now = str(subject), now_ms()
        waivers = policies.waivers(db)
        old = old_events.newest(history) if window is None else old_events.kept(db, subject, window)
        unreadable = [] if window is None or consumers_only else self._unreadable(db, subject, candidate.schema, old)
        found = self._of_subject(db, subject, candidate, now, old, unreadable, among)
        if not history:
            return impacts.answer(
                name, found[0], found[1], now, _about(waivers, [name]), warnings_pass=self.warnings_pass
            )
        rows, count = found
        touched: list[str] = []
        further = _referring(db, subject, history[0].version, candidate.schema)
        if further:
            more, touched, others = self._of_referrers(db, further, now, among)
            rows, count = [*rows, *more], count + others
        return impacts.answer(
            name,
            rows,
            count,
            now,
            _about(waivers, [name, *touched]),
            warnings_pass=self.warnings_pass,
            touched=touched,
        )

    def _of_subject(
        self,
        db: Db,
        subject: Subject,
        candidate: Candidate,
        now: int,
        old: Sequence[Old],
        unreadable: Sequence[Unreadable],
        among: Among,
    ) -> tuple[list[Row], int]:
        name = str(subject)
        meanings = aliases.meanings(db)
        producers = queries.producers(db, name, meanings)
        listed = _among(readers.readers(db, [name], producers, meanings)[name], among)
        question = Question(name, now, tuple(producers), policies.subject_owner(db, subject))
        judging = judge(candidate)
        still_sealed = old_events.still_sealed(db, judging.sealed.places, old) if listed else []
        answer = impacts.impact(question, listed, judging, unreadable=unreadable, still_sealed=still_sealed)
        unmapped = [
            row for row in _unmapped(db, name, producers) if among is None or (row.consumer, row.version) in among
        ]
        return [*answer.rows, *unmapped], len(listed)

    def _of_referrers(
        self, db: Db, further: Mapping[Subject, Candidate | InvalidSchema], now: int, among: Among
    ) -> tuple[list[Row], list[str], int]:
        """Rows of the subjects that refer to the changed one, once they move to it."""
        named = {str(each): moved for each, moved in further.items()}
        read = {name: _among(listed, among) for name, listed in readers.readers(db, list(named)).items()}
        rows: list[Row] = []
        for name, listed in read.items():
            moved = named[name]
            if isinstance(moved, InvalidSchema):
                rows.append(
                    Row(
                        name,
                        "",
                        "",
                        (),
                        Direction.FORWARD,
                        Outcome.BREAKS,
                        f"it no longer parses: {moved}",
                        rule="reference",
                    )
                )
            elif listed:
                rows += impacts.impact(Question(name, now), listed, judge(moved)).rows
        return rows, sorted(named), sum(map(len, read.values()))

    def _unreadable(self, db: Db, subject: Subject, candidate: Schema, old: Sequence[Old]) -> list[Unreadable]:
        """What a candidate cannot read of the versions that a window holds, by itself or through an upcaster."""
        held = {each.version: each for _, each in old}
        resolver = Resolver(db)
        earlier = [
            Earlier(
                each.version,
                each.content.format,
                each.content.text,
                lambda each=each: resolver.parsed(each.content, subject.context),  # type: ignore[misc] # a lambda with a default
            )
            for each, _ in old
        ]
        crossed: dict[int, bool] = {}
        found = []
        for conflict in conflicts(_READS, candidate, earlier):
            number = conflict.version
            if not conflict.breaks:
                continue
            if number not in crossed:
                crossed[number] = self.crossable(db, subject, number, candidate)
            if not crossed[number]:
                one = held[number]
                reason = f"{conflict.finding.told()} (version {number}; {one.why})"
                found.append(Unreadable(number, reason, conflict.finding.path, conflict.finding.rule, known=one.known))
        return found

    # Who reads, and what.

    def consumers(self, db: Db, subject: Subject) -> list[Reader]:
        """The readers of a subject."""
        return readers.of_subject(db, str(subject))

    def held(self, db: Db, subject: Subject, window: Window) -> list[Held]:
        """The versions that a window holds today."""
        return old_events.held(db, window, schemas.history(db, subject, deleted=True))


def _among(listed: Sequence[Reader], among: Among) -> list[Reader]:
    return [each for each in listed if among is None or (each.application, each.version) in among]


def fields(schema: Schema, listed: Iterable[Reader]) -> list[FieldUse]:
    """Every field of a schema with its readers."""
    return impacts.used([FieldUse(each.path, each.type, each.required, each.doc) for each in schema.fields()], listed)


def _about(waivers: Sequence[Waiver], subjects: Sequence[str]) -> list[Waiver]:
    found = {waiver.uuid: waiver for name in subjects for waiver in protection.about(waivers, name)} if waivers else {}
    return list(found.values())


def _objection(rule: str, path: str, sentence: str, version: int, *, forward: bool = True) -> Conflict:
    return Conflict(Finding(rule, path, sentence), version, forward)


def _touched_fields(db: Db, candidate: Schema, newest: Version) -> list[Conflict]:
    """Changes of fields of the newest version. Another format is refused by the level."""
    if newest.content.format != candidate.format:
        return []
    old = Resolver(db).parsed(newest.content, newest.subject.context)
    return [
        _objection(
            FIELD_PROTECTED, each.old_path or each.path, f"every field is protected: {each.sentence}", newest.version
        )
        for each in changes(old, candidate)
        if each.kind in _TOUCHING
    ]


def _of_consumers(answer: Impact, protect: Protect, version: int, *, warnings_pass: bool) -> list[Conflict]:
    refused = {Outcome.BREAKS} if warnings_pass else {Outcome.BREAKS, Outcome.DEGRADES}
    found = [
        _objection(CONSUMER_BREAKS, row.path or "/", sentence(row), version)
        for row in answer.rows
        if row.waiver is None and row.outcome in refused
    ]
    if protect is Protect.USED_OR_UNKNOWN:
        unknown = [row for row in answer.rows if row.waiver is None and row.outcome is Outcome.UNKNOWN]
        found += [_objection(CONSUMER_UNKNOWN, row.path or "/", sentence(row), version) for row in unknown]
        if not answer.rows:
            found.append(_objection(CONSUMER_UNKNOWN, "/", answer.next[0], version))
    return found


def _accepted(conflict: Conflict, waivers: Sequence[Waiver], subject: str) -> Conflict:
    found = conflict.finding
    if not conflict.breaks:
        return conflict
    places = (found.path, found.reader_path, found.writer_path)
    for waiver in waivers:
        if any(protection.waives(waiver, subject, found.rule, place, "") for place in places):
            told = f"Accepted until {_date(waiver.until)} by {waiver.owner}: {waiver.reason}"
            return replace(conflict, finding=replace(found, severity=Severity.WARNING, accepted=told))
    return conflict


def sentence(row: Row) -> str:
    """A row in one sentence: `billing 1.4 in prod breaks on /total: '/total' may be missing`."""
    who = f"{row.consumer} {row.version}".strip() or "whoever reads with the new schema"
    where = f" in {', '.join(row.environments)}" if row.environments else ""
    verb = {Outcome.BREAKS: "breaks", Outcome.DEGRADES: "changes its result", Outcome.UNKNOWN: "may break"}
    on = f" on {row.path or 'the event'}" if row.path is not None else ""
    return f"{who}{where} {verb.get(row.outcome, 'is safe')}{on}: {row.reason}"


def _unmapped(db: Db, subject: str, producers: Sequence[str]) -> list[Row]:
    """Contracts with providers of the subject that belong to no subject: they may be about this one."""
    if not producers or not queries.readers_among(db, [""]):
        return []
    rows = queries.unmapped(db, producers)
    said = readers.contracts(db, [kept for kept, _, _ in rows])
    return [
        Row(
            subject,
            application,
            number,
            (),
            Direction.FORWARD,
            Outcome.UNKNOWN,
            reason,
            rule=impacts.UNMAPPED,
            evidence=contract.evidence,
            act=application,
        )
        for kept, application, number in rows
        for contract in said[kept.pk]
        for reason in contract.reasons or (f"messages of {kept.provider} belong to no subject",)
    ]


# Who refers to it.


def _referring(db: Db, subject: Subject, version: int, candidate: Schema) -> dict[Subject, Candidate | InvalidSchema]:
    """The newest versions that refer to a version, at any depth, with the candidate in its place."""
    edges = referrers.newest(db, subject, version, _MOST_TOUCHED)
    if not edges:
        return {}
    sources: dict[tuple[Subject, int], Source] = {(subject, version): candidate.source}
    resolver = Resolver(db)
    found: dict[Subject, Candidate | InvalidSchema] = {}
    for each in edges:
        content = each.content
        replaced = [
            (reference.name, sources.get((Subject.parse(reference.subject, each.subject.context), reference.version)))
            for reference in content.references
        ]
        try:
            rest = dict(
                resolver.source(
                    "",
                    [
                        reference
                        for reference, (_, known) in zip(content.references, replaced, strict=True)
                        if known is None
                    ],
                    each.subject.context,
                    content.format,
                ).references
            )
            source = Source(content.text, tuple((name, known or rest[name]) for name, known in replaced))
            sources[each.subject, each.version] = source
            found[each.subject] = Candidate.of(formats.parse(content.format, source, strict=False), content)
        except InvalidSchema as error:
            found[each.subject] = error
    return found


# As plain data.


def told(found: Impact, policy: Protection | None = None, visible: Visible | None = None) -> dict[str, Any]:
    """An impact as plain data; times are RFC 3339. Of subjects that are not visible only outcomes are told."""
    return {
        "subject": found.subject,
        "verdict": found.verdict.value,
        "readers": found.readers,
        "counts": {
            each.value: sum(row.outcome is each for row in found.rows if row.waiver is None) for each in Outcome
        },
        "rows": [_row(row) if _seen(row.subject, visible) else _hidden(row) for row in found.rows],
        "next": list(found.next),
        "touched": [name for name in found.touched if _seen(name, visible)],
        "expired_waivers": [waiver_told(each) for each in found.expired],
        "protect": None if policy is None or policy.protect is None else policy.protect.value,
    }


def _seen(subject: str, visible: Visible | None) -> bool:
    return visible is None or visible(Subject.parse(subject))


def _hidden(row: Row) -> dict[str, Any]:
    """A row about a subject that the caller may not read: that something happens there, and no more."""
    bare = Row("", "", "", (), row.direction, row.outcome, "a reader of a subject that you may not read")
    return _row(bare)


def _row(row: Row) -> dict[str, Any]:
    return {
        "subject": row.subject,
        "consumer": row.consumer,
        "version": row.version,
        "environments": list(row.environments),
        "production": row.production,
        "path": row.path,
        "direction": row.direction.value,
        "outcome": row.outcome.value,
        "rule": row.rule,
        "reason": row.reason,
        "sentence": sentence(row),
        "evidence": row.evidence,
        "age_seconds": None if row.age is None else row.age // 1000,
        "witness": row.witness,
        "act": row.act,
        "owner": row.owner,
        "waiver": None if row.waiver is None else waiver_told(row.waiver),
    }


def waiver_told(waiver: Waiver) -> dict[str, Any]:
    """A waiver as plain data."""
    return {
        "id": waiver.uuid,
        "subject": waiver.subject,
        "rule": waiver.rule,
        "path": waiver.path,
        "consumer": waiver.consumer,
        "until": _date(waiver.until),
        "reason": waiver.reason,
        "owner": waiver.owner,
        "created_by": waiver.created_by,
        "created_at": _date(waiver.created_at),
        "expired": waiver.until <= now_ms(),
    }


def _date(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
