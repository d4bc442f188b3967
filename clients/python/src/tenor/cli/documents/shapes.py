"""The shapes of all documents, by verb. What is a registry's own answer is taken from its OpenAPI descriptions
(answers.json, written by clients/python/generate_documents.py); the others are written down here.

A verb that is new gets a row in DOCUMENTS; a change that readers would notice gets a number in `documents.VERSIONS`.
Shapes written here are closed. Answers are open, as a newer registry may tell more than this release knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

from msgspec import UNSET, Meta, Struct, UnsetType, field

from tenor.cli.documents import ERROR

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class Closed(Struct, forbid_unknown_fields=True):
    """A shape that says all there is."""


class Answer(NamedTuple):
    """An answer by the name of its schema in the OpenAPI descriptions, with what the command adds. Of a `partial` one
    any member may be missing, as other registries tell less."""

    name: str
    more: type[Struct] | None = None
    partial: bool = False


class JsonSchema(NamedTuple):
    """A document that is a JSON Schema itself, and says so in `$schema`."""


Shape: TypeAlias = type[Struct] | Answer | JsonSchema


def answer(name: str) -> Any:
    """A member that holds an answer, or one of SHARED."""
    return Annotated[Any, Meta(extra_json_schema={"$ref": f"#/$defs/{name}"})]


def list_of(name: str) -> Any:
    """A member that holds a list of them."""
    return Annotated[list[Any], Meta(extra_json_schema={"items": {"$ref": f"#/$defs/{name}"}})]


Text: TypeAlias = str | UnsetType
"""A member that is left out where there is nothing to say."""


# errors


class Violation(Closed):
    path: str
    reason: str


class Fault(Closed):
    """What went wrong. `kind` is for programs, `message` for people."""

    kind: str
    type: str
    message: str
    exit_code: int
    status: int | UnsetType | None = UNSET
    code: int | str | UnsetType | None = UNSET
    url: Text = UNSET
    findings: list[dict[str, Any]] | UnsetType = UNSET
    violations: list[Violation] | UnsetType = UNSET
    file: Text = UNSET
    line: int | UnsetType | None = UNSET
    column: int | UnsetType | None = UNSET


class Failed(Closed):
    error: Fault


# schemas


class Init(Closed):
    file: str
    schemas: int
    patterns: list[str]


class Registered(Struct):
    subject: str
    id: int | None
    guid: str | None
    version: int | None
    created: bool | None
    dry_run: bool
    changes: list_of("Change")  # type: ignore[valid-type] # an annotation that is computed
    findings: list_of("Finding")  # type: ignore[valid-type] # the same


class PlannedFile(Closed):
    file: str
    send: answer("PlannedSchema")  # type: ignore[valid-type] # an annotation that is computed
    step: answer("PlanStep")  # type: ignore[valid-type] # the same


class Plan(Closed):
    plan: str
    registry: str
    state: str
    environments: list[Any]
    settings: list[Any]
    schemas: list[PlannedFile]
    applied: bool | UnsetType = UNSET


class Reference(Closed):
    name: str
    subject: str
    version: int


class Got(Closed):
    subject: str | None
    version: int | None
    id: int | None
    guid: str | None
    schema: str
    schema_type: str = field(name="schemaType")
    references: list[Reference] | UnsetType = UNSET
    metadata: dict[str, Any] | UnsetType = UNSET
    rule_set: dict[str, Any] | UnsetType = field(name="ruleSet", default=UNSET)


class Listed(Closed):
    subjects: list_of("ListedSubject")  # type: ignore[valid-type] # an annotation that is computed


class ListedHead(Struct):
    subject: str


class CheckedOne(Struct):
    verdict: str
    new: str
    old: str


class Unreadable(Closed):
    kind: str
    message: str
    schema: str | UnsetType | None = UNSET
    reference: str | UnsetType | None = UNSET
    path: str | UnsetType | None = UNSET
    line: int | UnsetType | None = UNSET
    column: int | UnsetType | None = UNSET


class CheckedHead(Struct):
    file: str
    subject: str | None
    owner: str | None
    status: str
    verdict: str
    old: str | None
    error: Unreadable | UnsetType = UNSET


class CheckedMany(Closed):
    verdict: str
    against: str
    schemas: list_of("CheckedFile")  # type: ignore[valid-type] # an annotation that is computed


class Remarked(Struct):
    file: str


class NoSchema(Closed):
    kind: str
    message: str
    file: str
    line: int | None
    column: int | None


class LintedFile(Closed):
    file: str
    remarks: list_of("Remark") | UnsetType = UNSET  # type: ignore[valid-type] # an annotation that is computed
    error: NoSchema | UnsetType = UNSET


class Linted(Closed):
    files: list[LintedFile]


class LaidOut(Closed):
    changed: list[str]
    wrong: list[str]
    check: bool


class LaidOutText(Closed):
    text: str


class GeneratedModule(Closed):
    file: str | None
    subject: str | None
    version: int | None
    schema_file: str | None
    fingerprint: str
    remarks: list[str]
    changed: bool | UnsetType = UNSET
    text: Text = UNSET


class Generated(Closed):
    modules: list[GeneratedModule]
    check: bool


class Rule(Closed):
    rule: str
    format: str
    verb: str
    severity: str
    text: str


class Rules(Closed):
    rules: list[Rule]


# bundles


class BundleMade(Closed):
    file: str
    subjects: list[str]
    schemas: int
    upcasts: int
    keys: int
    bytes: int
    expires: str | None


class BundleTrusted(Closed):
    trusted: bool
    schemas: int
    upcasts: int
    keys: int
    created: str
    expires: str | None


class BundleRow(Closed):
    subject: str
    version: int
    id: int | None
    guid: str | None
    schema_type: str = field(name="schemaType")


class BundleEdge(Closed):
    subject: str
    old: int
    new: int


class BundleKey(Closed):
    kek: str
    subject: str
    algorithm: str
    versions: list[int]


class BundleShown(Closed):
    key: str
    registry: str
    created: str
    expires: str | None
    schemas: list[BundleRow]
    upcasts: list[BundleEdge]
    keys: list[BundleKey]
    topics: dict[str, str]


# upcasters


class DerivedMore(Struct):
    shapes: list[Any]
    examples: list[Any]


class DerivedTypescript(Closed):
    typescript: str
    hash: str


class DerivedRules(Closed):
    migration_rules: list[dict[str, Any]] = field(name="migrationRules")


class DerivedJsonata(Closed):
    jsonata: str
    hash: str


class DerivedPython(Closed):
    python: str
    hash: str
    open: list_of("OpenStep")  # type: ignore[valid-type] # an annotation that is computed


class DerivedFiles(Closed):
    written: list[str]
    hash: str
    open: list_of("OpenStep")  # type: ignore[valid-type] # an annotation that is computed


class SamplesTried(Closed):
    given: int
    admitted: int


class Counterexample(Closed):
    property: str
    event: Any
    reason: str


class Proof(Closed):
    plan: str
    old: str
    new: str
    examples: int
    seed: int
    tool: str
    results: dict[str, str]
    proven: bool
    samples: SamplesTried | UnsetType = UNSET
    counterexample: Counterexample | UnsetType = UNSET


class Upcast(Closed):
    events: list[Any]
    failed: dict[str, str] | UnsetType = UNSET
    reason: Text = UNSET


class Replayed(Closed):
    handled: int
    failed: int
    first_failure: dict[str, str] | None


class Redriven(Closed):
    sent: dict[str, int]
    without_topic: int
    dry_run: bool


# contracts


class Recorded(Closed):
    pytest: list[str]
    exit_code: int


class Modelled(Closed):
    file: str
    consumer: str
    provider: str
    version: int
    subject: str
    evidence: str
    partial: bool
    reasons: list[str]
    needs: list[dict[str, Any]]


class Contract(Closed):
    consumer: str
    version: str
    provider: str
    published: str
    url: str


class Contracts(Closed):
    contracts: list[Contract]


class VerifiedContract(Closed):
    consumer: str
    version: str


class Verified(Closed):
    answer: str
    exit_code: int
    published: bool
    contracts: list[VerifiedContract]


class Deployable(Struct):
    answer: str
    deployable: bool | None
    exit_code: int


class Present(Closed):
    application: str
    version: str
    instance: str
    since: str
    uuid: str


class Undeployed(Closed):
    undeployed: list[Present]


class SupportEnded(Closed):
    support_ended: list[Present]


class Reads(Closed):
    reads: list_of("Kept")  # type: ignore[valid-type] # an annotation that is computed


class Topics(Closed):
    topics: list_of("Topic")  # type: ignore[valid-type] # an annotation that is computed


class Waivers(Closed):
    waivers: list_of("Waiver")  # type: ignore[valid-type] # an annotation that is computed


# environments


class Place(Closed):
    name: str
    display_name: str
    production: bool
    uuid: str
    contacts: list[dict[str, Any]]


class Places(Closed):
    environments: list[Place]


class PlaceDeleted(Closed):
    deleted: bool
    exit_code: int
    environment: Place
    present: list[Present]


class PlaceDescribed(Place):
    deployed: list[Present]
    released: list[Present]


# keys


class Keks(Closed):
    keks: list_of("Kek")  # type: ignore[valid-type] # an annotation that is computed


class DekVersion(Closed):
    kek: str
    subject: str
    algorithm: str
    version: int


class Rewrapped(Closed):
    kek: str
    rewrapped: int
    left: int
    failed: list[str]


# moving


class Differing(Closed):
    key: list[str | int]
    what: str


class Imported(Closed):
    origin: str = field(name="from")
    to: str
    compared: dict[str, int]
    copied: dict[str, int]
    different: list[Differing]
    verified: bool
    remarks: list[str] | UnsetType = UNSET


class Exported(Closed):
    export: str
    file: str
    records: dict[str, int]


# standards


class WroteAsyncapi(Closed):
    file: str
    asyncapi: str
    channels: int
    operations: int
    messages: int


class Mentioned(Closed):
    subject: str
    version: int


class Needing(Closed):
    subject: str
    provider: str
    description: str
    needs: list[dict[str, Any]]
    reasons: list[str]


class LeftOut(Closed):
    what: str
    why: str


class ToldOfAsyncapi(Closed):
    application: str
    version: str
    dry_run: bool
    writes: list[Mentioned]
    reads: list[Mentioned]
    contracts: list[Needing]
    left_out: list[LeftOut]


class WroteOdcs(Closed):
    file: str
    subject: str
    version: int
    properties: int


class OdcsSchema(Closed):
    file: str
    subject: str
    format: str
    tags: dict[str, list[str]]
    left_out: list[LeftOut]
    summary: str | None
    version: int | None
    id: int | None
    created: bool | None
    owner: str | None
    policy: dict[str, Any] | None
    schema_file: str | None


class RegisteredOdcs(Closed):
    """What was registered, or with `dry_run` would be. Without a registry only `schema_file` says something."""

    dry_run: bool
    contracts: list[OdcsSchema]


# the command itself, and who uses it


class Completion(Closed):
    shell: str
    script: str


class OutputSchema(Closed):
    verb: str
    id: str


class OutputSchemas(Closed):
    schemas: list[OutputSchema]


class LoggedIn(Closed):
    registry: str
    name: str
    file: str


class AuditFound(Closed):
    events: list_of("AuditEvent")  # type: ignore[valid-type] # an annotation that is computed


class AuditExported(Closed):
    file: str
    events: int


class AuditProblem(Closed):
    kind: str
    sequence: int
    sentence: str


class AuditVerified(Closed):
    problems: list[AuditProblem]
    first: int
    last: int
    sealed: int
    unsealed: int
    checkpoints: int
    signatures: int
    truncated: bool
    sound: bool
    keys_given: bool


SHARED: Final[Mapping[str, Answer]] = {
    "ListedSubject": Answer("Subject", ListedHead, partial=True),
    "CheckedFile": Answer("Checked", CheckedHead, partial=True),
}
"""Answers that are changed before they are shown, and are a part of something else."""

DOCUMENTS: Final[Mapping[str, tuple[Shape, ...]]] = {
    ERROR: (Failed,),
    "init": (Init, JsonSchema()),
    "register": (Answer("Registration", Registered, partial=True),),
    "plan": (Plan,),
    "apply": (Plan,),
    "get": (Got,),
    "list": (Listed,),
    "check": (Answer("Checked", CheckedOne), CheckedMany),
    "diff": (Answer("Diff"),),
    "sample": (Answer("Samples"),),
    "lint": (Answer("Remarks", Remarked), Linted),
    "fmt": (LaidOut, LaidOutText),
    "gen models": (Generated,),
    "explain": (Rules,),
    "bundle create": (BundleMade,),
    "bundle verify": (BundleTrusted,),
    "bundle show": (BundleShown,),
    "upcast new": (
        Answer("Derived", DerivedMore),
        DerivedFiles,
        DerivedPython,
        DerivedTypescript,
        DerivedJsonata,
        DerivedRules,
    ),
    "upcast prove": (Proof,),
    "upcast publish": (Answer("Edge"),),
    "upcast list": (Answer("Upcasts"),),
    "upcast run": (Upcast,),
    "replay": (Replayed,),
    "redrive": (Redriven,),
    "contracts publish": (Answer("Published"),),
    "contracts record": (Recorded,),
    "contracts from-model": (Modelled,),
    "contracts list": (Contracts,),
    "contracts verify": (Verified,),
    "can-i-deploy": (Answer("Matrix", Deployable),),
    "deploy": (Answer("Deployment"),),
    "deploy record": (Answer("Deployment"),),
    "deploy undeploy": (Undeployed,),
    "deploy release": (Answer("Release"),),
    "deploy support-ended": (SupportEnded,),
    "impact": (Answer("Impact"),),
    "rollout": (Answer("Rollout"),),
    "consumers": (Answer("Consumers"), Answer("Fields")),
    "produces": (Answer("Produced"), Reads),
    "observe kafka": (Topics,),
    "waive": (Answer("Waiver"), Waivers),
    "policy get": (Answer("EffectivePolicy"), Answer("Policies")),
    "policy set": (Answer("ScopePolicy"), Answer("Mapping")),
    "env list": (Places,),
    "env create": (Answer("Environment"),),
    "env update": (Answer("Environment"),),
    "env delete": (PlaceDeleted,),
    "env describe": (PlaceDescribed,),
    "keys create": (Answer("KekAnswer"),),
    "keys list": (Keks,),
    "keys rotate": (DekVersion, Answer("Kek")),
    "keys rewrap": (Rewrapped,),
    "keys erase": (Answer("Tombstone"),),
    "import confluent": (Imported,),
    "import pact-broker": (Imported,),
    "import dir": (Imported,),
    "import asyncapi": (ToldOfAsyncapi,),
    "import odcs": (RegisteredOdcs,),
    "export": (Exported,),
    "export asyncapi": (WroteAsyncapi,),
    "export odcs": (WroteOdcs,),
    "completion": (Completion,),
    "output-schema": (OutputSchemas, JsonSchema()),
    "login": (LoggedIn,),
    "whoami": (Answer("Whoami"),),
    "audit tail": (AuditFound,),
    "audit export": (AuditExported,),
    "audit verify": (AuditVerified,),
}
"""What each verb prints when it succeeds, and what it prints when its answer is no. Every verb has a row."""
