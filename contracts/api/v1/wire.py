"""Wire shapes of contract testing in the native API. Names are `like_this`, times RFC 3339 in UTC."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from registry.api.v1.wire import RegisterRequest

Name = Annotated[str, Meta(min_length=1, max_length=500)]
Path = Annotated[str, Meta(max_length=2000)]
Text = Annotated[str, Meta(max_length=2000)]


class Place(Struct, omit_defaults=True):
    """Where a version runs: deployed, or released and supported."""

    environment: str
    since: str
    production: bool
    instance: str = ""
    released: bool = False


class NeedOf(Struct):
    """What a consumer relies on at one path of the event.

    `when` says what its code does in a situation: absent, null, other (another value than those known), erased (what
    stands in for a value whose person's key is destroyed) → fails, changes (another result), same, handled.
    """

    path: str
    presence: str
    types: list[str]
    values: list[Any]
    evidence: str
    when: dict[str, str]


class Consumer(Struct):
    """A version of an application that reads a subject. `evidence` is empty where it published no contract."""

    application: str
    version: str
    owner: str | None
    places: list[Place]
    evidence: list[str]
    partial: bool
    gaps: list[str]
    last_seen: str | None
    needs: list[NeedOf]


class Consumers(Struct):
    """Who uses a subject. `producers` are those that say they write it."""

    subject: str
    consumers: list[Consumer]
    producers: list[str]


class Reading(Struct):
    """A version that needs a field."""

    application: str
    version: str


class FieldUse(Struct):
    """A field with those that need it; `in_schema` false: somebody needs a path that the schema does not have."""

    path: str
    type: str
    required: bool
    doc: str
    in_schema: bool
    readers: list[Reading]


class Fields(Struct):
    """Every field and its readers. `unread` are the paths that nobody is known to need; `complete` says whether every
    known consumer has told what it needs: if not, an unread field may be used all the same."""

    subject: str
    version: int
    fields: list[FieldUse]
    unread: list[str]
    complete: bool


class Policy(Struct, omit_defaults=True):
    """`protect`: used, used_or_unknown, everything. `readable_for`: {"versions": N}, {"days": N},
    {"while_retained": TOPIC} or "forever". Null: not set."""

    protect: str | None = None
    readable_for: Any = None


class ScopePolicy(Struct, omit_defaults=True):
    """The policy of a scope: "" all subjects, `orders-*` a prefix, else one subject."""

    scope: str
    protect: str | None = None
    readable_for: Any = None


class Policies(Struct):
    """Every policy by scope."""

    policies: list[ScopePolicy]


class HeldVersion(Struct, omit_defaults=True):
    """A version that must stay readable, and until when; no date where it waits for something else."""

    version: int
    why: str
    until: str | None = None
    known: bool = True


class EffectivePolicy(Struct):
    """What holds for a subject, and which versions its support window holds today."""

    subject: str
    protect: str | None
    readable_for: Any
    held: list[HeldVersion]


class NewWaiver(Struct, kw_only=True):
    """A break to accept. `until` is a date or a time; at most a year ahead."""

    until: Name
    reason: Name
    owner: Name
    rule: Text = ""
    path: Path = ""
    consumer: Text = ""


class Mapping(Struct):
    """Messages of a provider whose description matches a glob belong to a subject."""

    provider: Name
    description: Name
    subject: Name


class Mappings(Struct):
    """Every mapping."""

    mappings: list[Mapping]


class Unmapped(Struct):
    """A contract that belongs to no subject: it counts as unknown for all that its provider writes."""

    application: str
    version: str
    provider: str
    reasons: list[str]


class AllUnmapped(Struct):
    """Contracts that belong to no subject."""

    unmapped: list[Unmapped]


class SubjectVersion(Struct):
    """A version of a subject; -1 is the latest one."""

    subject: Name
    version: Annotated[int, Meta(ge=-1, le=2**31 - 1)] = -1


class Produces(Struct):
    """What a version of an application writes. `self_verified`: what it found when it checked itself, if it did."""

    subjects: Annotated[list[SubjectVersion], Meta(max_length=1000)]
    self_verified: bool | None = None


class Produced(Struct):
    """What a version writes, as it is kept."""

    application: str
    version: str
    subjects: list[SubjectVersion]


class Reads(Struct):
    """The subject's version that an application's version was generated from: it needs all of it."""

    subject: Name
    version: Annotated[int, Meta(ge=-1, le=2**31 - 1)] = -1


class Kept(Struct):
    """What came of a declaration: how many needs it has."""

    application: str
    version: str
    subject: str
    schema_version: int
    needs: int


class RolloutRequest(RegisterRequest, kw_only=True):
    """A schema to roll out to an environment. `to` are versions to deploy, by application; a consumer that is not named
    goes to its newest version with a contract."""

    environment: Name
    to: dict[str, str] = field(default_factory=dict)


class RolledOut(Struct):
    """An application in a rollout; `new` null: it stays."""

    application: str
    old: str
    new: str | None


class Constraint(Struct):
    """One application goes before another. `known` false: it is not known that it need not."""

    first: str
    then: str
    why: str
    known: bool


class Rollout(Struct):
    """The order of deployment, or why there is none and what would create one. `lines` say it in sentences."""

    possible: bool
    steps: list[str]
    anytime: list[str]
    constraints: list[Constraint]
    blocked: list[str]
    remedies: list[str]
    applications: list[RolledOut]
    lines: list[str]


class Owner(Struct):
    """Who answers for an application; null for nobody."""

    owner: Annotated[str, Meta(min_length=1, max_length=200)] | None = None


class OwnerOf(Struct):
    """An application and who answers for it."""

    application: str
    owner: str | None


class TopicEvidence(Struct, kw_only=True):
    """What was seen of a topic. `retention_ms` -1: its events are kept for ever; null: not known. `oldest_at` is the
    time of its oldest event in ms, null if it has none."""

    retention_ms: Annotated[int, Meta(ge=-1, le=2**53)] | None = None
    oldest_at: Annotated[int, Meta(ge=0, le=2**53)] | None = None
    groups: Annotated[list[Text], Meta(max_length=1000)] = field(default_factory=list)
    schema_ids: Annotated[list[int], Meta(max_length=10_000)] = field(default_factory=list)
    sampled: int = 0


class Topic(Struct):
    """What is kept as evidence of a topic, and when it was seen."""

    topic: str
    retention_ms: int | None
    oldest_at: int | None
    observed_at: str
    groups: list[str]
    schema_ids: list[int]
    sampled: int
