"""Wire shapes of the Confluent API. Absent, null and empty members are left out of answers; unknown ones of requests
are ignored, and null counts as absent."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from registry.api.schema_wire import Metadata, RuleSet, SchemaTags

# Ids and versions are Java ints for clients, and int32 columns in the store.
Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class Answer(Struct, omit_defaults=True, rename="camel", kw_only=True):
    """The base of what is sent."""


class Request(Struct, rename="camel", kw_only=True):
    """The base of what is received."""


class SchemaReference(Struct, omit_defaults=True):
    """`name` is an Avro full name, an import path or a `$ref`; `version` -1 means the latest."""

    name: str
    subject: str
    version: Int32


class RegisterSchemaRequest(Request):
    """A schema to register, look up or check."""

    schema: str | None = None
    schema_type: str | None = None
    references: list[SchemaReference] | None = None
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    version: int | None = None
    id: Int32 | None = None
    schema_tags_to_add: list[SchemaTags] | None = None
    schema_tags_to_remove: list[SchemaTags] | None = None
    propagate_schema_tags: bool | None = None
    ts: int | None = None
    """When the version was registered where it is imported from, in ms: kept in IMPORT mode, ignored otherwise."""


class SchemaAnswer(Answer):
    """A version of a subject (also the answer of a registration, and of `GET /schemas`)."""

    subject: str | None = None
    version: int | None = None
    id: int | None = None
    guid: str | None = None
    schema_type: str | None = None
    references: list[SchemaReference] = []
    metadata: dict[str, Any] | None = None
    rule_set: dict[str, Any] | None = None
    schema: str | None = None
    schema_tags: list[SchemaTags] = []
    ts: int | None = None
    deleted: bool = False
    aliases: list[str] = []
    associations: list[AssociationAnswer] = []


class SchemaString(Answer):
    """A schema by id or guid."""

    schema: str | None = None
    schema_type: str | None = None
    references: list[SchemaReference] = []
    metadata: dict[str, Any] | None = None
    rule_set: dict[str, Any] | None = None
    schema_tags: list[SchemaTags] = []
    guid: str | None = None
    ts: int | None = None
    deleted: bool = False
    max_id: int | None = None
    subject: str | None = None
    version: int | None = None


class SubjectVersion(Struct):
    """Where an id is used."""

    subject: str
    version: int


class ContextId(Struct):
    """Where a guid is known."""

    context: str
    id: int


class CompatibilityCheck(Struct, omit_defaults=True):
    """The verdict of a check; `messages` only when asked for with verbose=true."""

    is_compatible: bool
    messages: list[str] | None = None


class ModeRecord(Struct, omit_defaults=True):
    """A mode. Null in a request removes the record."""

    mode: str | None = None


class TagSchemaRequest(Request):
    """A new version made from an old one by changing tags, metadata and rules."""

    new_version: Int32 | None = None
    tags_to_add: list[SchemaTags] | None = None
    tags_to_remove: list[SchemaTags] | None = None
    metadata: Metadata | None = None
    rule_set: RuleSet | None = None
    rules_to_merge: RuleSet | None = None
    rules_to_remove: list[str] | None = None


class ConfigRecord(Answer):
    """Settings of a scope as GET and DELETE answer them."""

    compatibility_level: str | None = None
    compatibility_group: str | None = None
    compatibility_policy: str | None = None
    normalize: bool | None = None
    validate_fields: bool | None = None
    validate_new_schemas: bool | None = None
    validate_rules: bool | None = None
    alias: str | None = None
    alias_for_deks: str | None = None
    default_metadata: Metadata | None = None
    override_metadata: Metadata | None = None
    default_rule_set: RuleSet | None = None
    override_rule_set: RuleSet | None = None


class ConfigUpdateRequest(Struct, rename="camel", kw_only=True):
    """Settings of a scope as PUT takes and answers them: an absent key keeps its value, null clears it."""

    compatibility: str | UnsetType | None = UNSET
    compatibility_group: str | UnsetType | None = UNSET
    compatibility_policy: str | UnsetType | None = UNSET
    normalize: bool | UnsetType | None = UNSET
    validate_fields: bool | UnsetType | None = UNSET
    validate_new_schemas: bool | UnsetType | None = UNSET
    validate_rules: bool | UnsetType | None = UNSET
    alias: str | UnsetType | None = UNSET
    alias_for_deks: str | UnsetType | None = UNSET
    default_metadata: Metadata | UnsetType | None = UNSET
    override_metadata: Metadata | UnsetType | None = UNSET
    default_rule_set: RuleSet | UnsetType | None = UNSET
    override_rule_set: RuleSet | UnsetType | None = UNSET


class AssociationAnswer(Answer):
    """One association as lists answer it."""

    subject: str | None = None
    guid: str | None = None
    resource_name: str | None = None
    resource_namespace: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    association_type: str | None = None
    lifecycle: str | None = None
    frozen: bool | None = None
    create_timestamp: int | None = None
    update_timestamp: int | None = None


class AssociationItem(Request):
    """One association that a request asks for.

    `lifecycle` is STRONG or WEAK; without it a schema means STRONG.
    """

    subject: str | None = None
    association_type: str | None = None
    lifecycle: str | None = None
    frozen: bool | None = None
    schema: RegisterSchemaRequest | None = None
    normalize: bool | None = None


class AssociationStep(AssociationItem):
    """One step of a batch: `opType` is CREATE, UPSERT or DELETE; `cascadeLifecycle` belongs to DELETE."""

    op_type: str | None = None
    cascade_lifecycle: bool | None = None


class AssociationRequest(Request):
    """The associations of one resource."""

    resource_name: str | None = None
    resource_namespace: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    associations: list[AssociationItem] | None = None


class AssociationInfo(Answer):
    """One association of a resource."""

    subject: str | None = None
    association_type: str | None = None
    lifecycle: str | None = None
    frozen: bool | None = None
    schema: SchemaAnswer | None = None


class AssociationResponse(Answer):
    """A resource with its associations."""

    resource_name: str | None = None
    resource_namespace: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    associations: list[AssociationInfo] = []


class AssociationSteps(Request):
    """What is to be done to the associations of one resource, in order."""

    resource_name: str | None = None
    resource_namespace: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    associations: list[AssociationStep] | None = None


class AssociationBatchRequest(Request):
    """Several resources in one call."""

    requests: list[AssociationSteps] | None = None


class AssociationQuery(Request):
    """What a batch asks about one resource."""

    resource_name: str | None = None
    resource_namespace: str | None = None
    resource_id: str | None = None
    resource_type: str | None = None
    association_types: list[str] | None = None
    lifecycle: str | None = None


class AssociationBatchQuery(Request):
    """Questions about several resources in one call."""

    requests: list[AssociationQuery] | None = None


class CreateKekRequest(Request):
    """A KEK to create."""

    name: str | None = None
    kms_type: str | None = None
    kms_key_id: str | None = None
    kms_props: dict[str, str | None] | None = None
    doc: str | None = None
    shared: bool | None = None
    deleted: bool | None = None


class UpdateKekRequest(Request):
    """What of a KEK can change: an absent key keeps its value, null clears it."""

    kms_props: dict[str, str | None] | UnsetType | None = UNSET
    doc: str | UnsetType | None = UNSET
    shared: bool | UnsetType | None = UNSET


class KekAnswer(Answer):
    """A KEK. `ts` is when it was last changed."""

    name: str
    kms_type: str
    kms_key_id: str
    shared: bool
    kms_props: dict[str, str] = {}
    doc: str | None = None
    ts: int = 0
    deleted: bool = False


class CreateDekRequest(Request):
    """A DEK to create. `commitment` (base64 of 32 bytes) is Tenor's own: what the key can be recognised by."""

    subject: str | None = None
    version: Int32 | None = None
    algorithm: str | None = None
    encrypted_key_material: str | None = None
    commitment: str | None = None
    deleted: bool | None = None


class DekAnswer(Answer):
    """A DEK. `keyMaterial` is there when its KEK is shared."""

    kek_name: str
    subject: str
    version: int
    algorithm: str
    encrypted_key_material: str | None = None
    key_material: str | None = None
    commitment: str | None = None
    ts: int = 0
    deleted: bool = False


class ErrorMessage(Struct):
    """Every error: exactly these two keys."""

    error_code: int
    message: str


class BatchResult(Answer):
    """One item of a batch: an error or a result."""

    error: ErrorMessage | None = None
    result: AssociationResponse | None = None


class BatchResults(Struct):
    """Answers in the order of the requests."""

    results: list[BatchResult]


class ServerId(Struct):
    """`GET /v1/metadata/id`."""

    id: str
    scope: dict[str, Any]


class ServerVersion(Struct, rename="camel"):
    """`GET /v1/metadata/version`."""

    version: str
    commit_id: str


class Deployment(Struct):
    """`GET /v1/metadata/deployment`."""

    attributes: list[str]


class Empty(Struct):
    """`{}`"""
