"""Wire shapes of the native API.

A schema with what belongs to it has the names that the Confluent API gives it (`schemaType`, `ruleSet`), so that the
same document can be sent to both; everything else is written `like_this`. Unknown members of requests are ignored,
null counts as absent. Times are RFC 3339 in UTC.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from registry.api.schema_wire import Metadata, RuleSet, SchemaTags
from registry.api.v1.impact_wire import Impact

Number = Annotated[int, Meta(ge=-1, le=2**31 - 1)]
MOST_AT_ONCE = 500


class SchemaReference(Struct):
    """`name` is an Avro full name, an import path or a `$ref`; `version` -1 means the latest."""

    name: str
    subject: str
    version: Number


class RegisterRequest(Struct, rename="camel", kw_only=True):
    """A schema to register. `version` and `id` only where a client brings its own."""

    schema: str | None = None
    schema_type: str | None = None
    references: list[SchemaReference] | None = None
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    version: Number | None = None
    id: Number | None = None
    schema_tags_to_add: list[SchemaTags] | None = None
    schema_tags_to_remove: list[SchemaTags] | None = None
    propagate_schema_tags: bool | None = None


class Finding(Struct, omit_defaults=True):
    """One reason against a schema, or a warning about it.

    `direction` backward: the new schema does not read what the old one wrote; forward: the other way round. `path`
    is printed as the Confluent API prints it; `old_path` and `new_path` point into the two texts, `old` and `new` are
    what stands there. `version` is the earlier version concerned.
    """

    rule: str
    severity: str
    direction: str
    version: int
    sentence: str
    path: str
    old_path: str | None = None
    new_path: str | None = None
    old: str = ""
    new: str = ""


class Change(Struct, omit_defaults=True):
    """One difference from the previous version."""

    kind: str
    path: str
    sentence: str
    old_path: str | None = None
    old: str = ""
    new: str = ""


class Registration(Struct):
    """What became of a registration (of a dry run: what would). `findings` are warnings; `impact` says whom a new
    version hurts, null when the version is not new."""

    subject: str
    version: int
    id: int
    guid: str
    created: bool
    changes: list[Change]
    findings: list[Finding]
    impact: Impact | None = None


class Subject(Struct, kw_only=True):
    """A subject and its latest live version; of a deleted one the latest that is kept.

    `versions` counts the live ones, `deleted_versions` those that can be brought back.
    """

    subject: str
    context: str
    owner: str | None
    level: str
    deleted: bool
    versions: int
    deleted_versions: int
    version: int
    id: int
    guid: str
    format: str
    registered_at: str


class Subjects(Struct):
    """A page of subjects by context and name.

    It goes on while there is a `next_cursor`, even when it is short: a search that no index serves stops after half a
    second.
    """

    items: list[Subject]
    next_cursor: str | None


class SchemaDocument(Struct, rename="camel", kw_only=True, omit_defaults=True):
    """A schema with what belongs to it, as a registration takes it."""

    schema: str
    schema_type: str
    references: list[SchemaReference] = []
    metadata: dict[str, Any] | None = None
    rule_set: dict[str, Any] | None = None


class SubjectDetail(Subject, kw_only=True):
    """A subject, its mode, and the schema of its latest version."""

    mode: str
    document: SchemaDocument


class Use(Struct):
    """A version that has a schema."""

    subject: str
    version: int


class Schema(Struct, kw_only=True):
    """A schema by id or guid. `uses` lists the first 100 live versions that have it."""

    id: int
    guid: str
    context: str
    registered_at: str
    document: SchemaDocument
    uses: list[Use]


class Entry(Struct, omit_defaults=True, kw_only=True):
    """What happened once to a subject or its settings: when, by whom, what.

    A registration tells `version`, `id`, `guid` and `format` (the last two while the schema is kept), deletions and
    restorations their `versions`; `detail` is the event's body.
    """

    at: str
    actor: str
    action: str
    sequence: int | None = None
    version: int | None = None
    id: int | None = None
    guid: str | None = None
    format: str | None = None
    versions: list[int] | None = None
    detail: dict[str, Any] = {}


class History(Struct):
    """A page of a subject's history, newest first."""

    subject: str
    items: list[Entry]
    next_cursor: str | None


class Event(Struct):
    """One change of anything. `sequence` has no gaps; `resource` is such as `subject:orders-value`."""

    sequence: int
    at: str
    actor: str
    action: str
    resource: str
    detail: dict[str, Any]


class Events(Struct):
    """Some of the feed. `next_cursor` is the sequence number to go on after; the feed never ends."""

    items: list[Event]
    next_cursor: int


class Owner(Struct):
    """Who answers for a subject; null for nobody."""

    owner: Annotated[str, Meta(max_length=200)] | None


class OwnerOf(Struct):
    """The owner of a subject as it is now."""

    subject: str
    owner: str | None


class UndeleteRequest(Struct):
    """The versions to bring back; all that were deleted when absent."""

    versions: Annotated[list[Annotated[int, Meta(ge=1, le=2**31 - 1)]], Meta(max_length=MOST_AT_ONCE)] | None = None


class Restored(Struct):
    """The versions that are back (of a dry run: would be)."""

    subject: str
    versions: list[int]


class BulkDeleteRequest(Struct, kw_only=True):
    """Subjects by name, or by a prefix such as `:.dev:orders-` or `:*:test-`: one of the two.

    `permanent` deletes for good what was deleted softly before. A prefix takes `limit` subjects at a time; `cursor`
    goes on after the last one.
    """

    subjects: Annotated[list[str], Meta(max_length=MOST_AT_ONCE)] | None = None
    prefix: Annotated[str, Meta(max_length=1000)] | None = None
    permanent: bool = False
    limit: Annotated[int, Meta(ge=1, le=MOST_AT_ONCE)] = 100
    cursor: Annotated[str, Meta(max_length=8000)] | None = None


class Fault(Struct):
    """One thing that is wrong with the shape of a request."""

    where: str
    detail: str


class Problem(Struct, omit_defaults=True, kw_only=True):
    """Every error (RFC 9457), as application/problem+json.

    `type` is a path of this server that explains it. `code` is the error_code that the Confluent API gives the same
    error, where it has one. An incompatible schema has its `findings`, a schema that does not parse the place (a JSON
    pointer; line and column from 1), a request of the wrong shape its `faults`.
    """

    type: str
    title: str
    status: int
    detail: str
    code: int
    subject: str | None = None
    level: str | None = None
    findings: list[Finding] = []
    pointer: str | None = None
    line: int | None = None
    column: int | None = None
    faults: list[Fault] = []


class Removed(Struct):
    """A subject that went."""

    subject: str
    versions: list[int]


class Refused(Struct):
    """A subject that did not go, and why."""

    subject: str
    problem: Problem


class BulkDelete(Struct):
    """What went and what did not (of a dry run: what would)."""

    dry_run: bool
    deleted: list[Removed]
    refused: list[Refused]
    next_cursor: str | None


class ProblemType(Struct):
    """A kind of problem. `detail` is the pattern of its sentences, or what it means."""

    type: str
    title: str
    status: int
    code: int
    detail: str


MOST_PLANNED = 1000


class PlannedWaiver(Struct, kw_only=True, forbid_unknown_fields=True):
    """A break to accept until a date or time, at most a year ahead; one that is over is not made again."""

    until: Annotated[str, Meta(min_length=1, max_length=500)]
    reason: Annotated[str, Meta(min_length=1, max_length=500)]
    owner: Annotated[str, Meta(min_length=1, max_length=500)]
    rule: Annotated[str, Meta(max_length=2000)] = ""
    path: Annotated[str, Meta(max_length=2000)] = ""
    consumer: Annotated[str, Meta(max_length=2000)] = ""


class PlannedSettings(Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is declared of a subject. A member that is absent stays as it is; null takes back what the subject has.

    `consumers` read the subject; they, and waivers, are added and never taken away.
    """

    level: str | UnsetType | None = UNSET
    policy: str | UnsetType | None = UNSET
    owner: Annotated[str, Meta(min_length=1, max_length=200)] | UnsetType | None = UNSET
    protect: str | UnsetType | None = UNSET
    readable_for: Any = UNSET
    consumers: Annotated[list[str], Meta(max_length=1000)] = []
    waivers: Annotated[list[PlannedWaiver], Meta(max_length=1000)] = []


class PlannedEnvironment(Struct, kw_only=True, forbid_unknown_fields=True):
    """An environment that is to be there; `production` null: as it is, or not for a new one."""

    name: Annotated[str, Meta(min_length=1, max_length=500)]
    production: bool | None = None


class PlannedSchema(Struct, rename="camel", kw_only=True):
    """A schema of a plan. A reference to version -1 of a subject of the plan is one to the plan's schema."""

    subject: str
    schema: str
    schema_type: str = "AVRO"
    references: list[SchemaReference] = []
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    normalize: bool = False
    settings: PlannedSettings | None = None


class PlanRequest(Struct, kw_only=True):
    """Schemas to register together. `state` is that of a dry run; without it nothing is compared."""

    schemas: Annotated[list[PlannedSchema], Meta(max_length=MOST_PLANNED)]
    environments: Annotated[list[PlannedEnvironment], Meta(max_length=1000)] = []
    state: str | None = None


class SettingChange(Struct):
    """A setting that becomes another one: level, policy, owner, protect, readable_for, consumer, waiver, environment.
    Null is what is not set."""

    name: str
    old: Any
    new: Any


class PlanStep(Struct):
    """What becomes of one schema.

    `action` is create (a new subject), version, unchanged, refused or blocked (it refers to one that is refused).
    `id` is null where it would be given only by doing it.
    """

    subject: str
    action: str
    version: int | None = None
    id: int | None = None
    reason: str = ""
    changes: list[Change] = []
    findings: list[Finding] = []
    problem: Problem | None = None
    settings: list[SettingChange] = []


class Plan(Struct):
    """What registering the schemas does. `state` is a hash of all that it says and rests on; `settings` are the
    environments that change."""

    state: str
    applied: bool
    schemas: list[PlanStep]
    settings: list[SettingChange] = []


class NamedSchema(Struct, rename="camel", kw_only=True):
    """What a text refers to: a version the registry has (`subject`, `version`), or a text given here (`schema`)."""

    name: str
    subject: str | None = None
    version: Number = -1
    schema: str | None = None
    references: list[NamedSchema] = []


class SchemaText(Struct, rename="camel", kw_only=True):
    """A schema that need not be registered."""

    schema: str
    schema_type: str = "AVRO"
    references: list[NamedSchema] = []


class SubjectCheckRequest(RegisterRequest, rename="camel", kw_only=True):
    """A schema to check against its subject.

    `beside` are schemas that are to be registered with it: each stands for the latest version (-1) of its subject.
    `tag`: compare with the versions that are in use in the environment of this name, or by what carries the tag, not
    with those that the level looks at; consumers elsewhere do not count.
    """

    beside: Annotated[list[PlannedSchema], Meta(max_length=MOST_PLANNED)] = []
    tag: str | None = None


class CheckRequest(Struct, rename="camel", kw_only=True):
    """Two texts to compare. `level` BACKWARD, FORWARD or FULL; `policy` STRICT or LENIENT."""

    new: SchemaText
    old: SchemaText
    level: str = "BACKWARD"
    policy: str = "STRICT"


class DiffRequest(Struct, kw_only=True):
    """Two texts to compare."""

    new: SchemaText
    old: SchemaText


class SampleRequest(Struct, kw_only=True):
    """How many events to make of a schema; the same seed makes the same ones."""

    schema: SchemaText
    count: Annotated[int, Meta(ge=1, le=1000)] = 10
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0


class Witness(Struct):
    """An event that the writer's side writes and the reader's side refuses or misreads: `failure` says how."""

    event: Any
    failure: str
    path: str = ""


class Edit(Struct):
    """Replace the characters from `start` to `end` of the new text."""

    start: int
    end: int
    replacement: str


class Fix(Struct):
    """A change of the new text after which the finding is gone; `text` is the whole text with it made."""

    id: str
    sentence: str
    edits: list[Edit]
    text: str


class Explained(Struct, omit_defaults=True):
    """A finding with its places (lines and columns from 1), an event that shows it, and edits that remove it.

    `shown`: by an event · by rule only · not looked for in time; nothing for a warning.
    """

    rule: str
    severity: str
    direction: str
    version: int
    sentence: str
    path: str
    old_path: str | None = None
    new_path: str | None = None
    old: str = ""
    new: str = ""
    new_line: int | None = None
    new_column: int | None = None
    old_line: int | None = None
    old_column: int | None = None
    witness: Witness | None = None
    shown: str = ""
    fixes: list[Fix] = []


class Meaning(Struct, omit_defaults=True):
    """What the format itself says: compatible, breaks (with an event), or unknown and why."""

    verdict: str
    reasons: list[str] = []
    witness: Witness | None = None
    accepted: bool = False
    """It breaks, and a waiver speaks of each reason."""


class Checked(Struct, omit_defaults=True, kw_only=True):
    """The verdict that Confluent's registry gives, what the format itself says, and every reason.

    `differs` says it in a sentence when the two disagree; `impact` is whom the schema hurts, against a subject;
    `versions` are those that the subject has, or has in use where a tag was asked about, newest first.
    """

    compatible: bool
    level: str
    policy: str = "STRICT"
    semantic: dict[str, Meaning] = {}
    differs: str = ""
    findings: list[Explained] = []
    changes: list[Change] = []
    impact: Impact | None = None
    versions: list[int] | None = None


class Diff(Struct):
    """What changed, in data and in words."""

    changes: list[Change]


class SampleEvent(Struct, omit_defaults=True):
    """A valid event. `kind`: minimal, maximal, edge or random."""

    event: Any
    kind: str
    note: str = ""


class Samples(Struct):
    """Valid events of a schema."""

    samples: list[SampleEvent]


class Remark(Struct, omit_defaults=True):
    """What could be better about a schema."""

    rule: str
    severity: str
    sentence: str
    path: str
    line: int | None = None
    column: int | None = None


class Remarks(Struct):
    """What lint says."""

    remarks: list[Remark]


class RuleText(Struct):
    """A rule and what it means."""

    rule: str
    format: str
    text: str
