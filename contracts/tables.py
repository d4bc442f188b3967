"""Rows of the contract broker: columns, keys and indexes. Statements are in `contracts/queries/`.

    application ─┬─< application_version ─┬─< tag
                 │        │  └─< branch_version >─ branch (head)
                 │        ├─< pact >─ pact_content >─ (consumer, provider)
                 │        ├─< verification >─ pact_content
                 │        ├─< deployed_version >─ environment
                 │        └─< released_version >─ environment
                 ├─< application_label
                 └─< integration >─ application
    webhook ─< delivery ─< delivery_attempt

    application_version ─┬─< contract_needs     what it relies on, subject by subject, as JSON
                         └─< produced_subject   which versions of a subject it writes
    subject_reader       which applications read a subject, one row each however long their history
    subject_mapping, observed_consumer, topic_evidence, protection, waiver, application_owner

Subjects are named, not pointed at: a contract may be there before the subject. Times are milliseconds since 1970.
`position` counts the versions of an application in the order of their creation; it is repeated where the newest of
something is asked for, so that one index answers.
"""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, SmallInteger, String, Text, text
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field

from registry.store.tables import columns
from registry.store.tables.columns import Row


class Application(Row, table=True):
    """An application (a "pacticipant"). `last_position` is the position of its newest version."""

    __tablename__ = "application"
    __table_args__ = (Unique("name"),)
    pk: int | None = Field(default=None, sa_column=columns.key())
    name: str = Field(sa_column=columns.name())
    display_name: str | None = Field(default=None, sa_column=Column(Text))
    main_branch: str | None = Field(default=None, sa_column=Column(Text))
    repository_url: str | None = Field(default=None, sa_column=Column(Text))
    repository_name: str | None = Field(default=None, sa_column=Column(Text))
    repository_namespace: str | None = Field(default=None, sa_column=Column(Text))
    last_position: int = Field(default=0, sa_column=columns.number())
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class ApplicationLabel(Row, table=True):
    """A label of an application."""

    __tablename__ = "application_label"
    __table_args__ = (Index("ix_application_label_name", "name", "application_pk"),)
    application_pk: int = Field(sa_column=columns.to("application.pk", primary=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    created_at: int = Field(sa_column=columns.time())


class ApplicationVersion(Row, table=True):
    """A version of an application."""

    __tablename__ = "application_version"
    __table_args__ = (
        Unique("application_pk", "number"),
        Index("ix_application_version_position", "application_pk", "position"),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    application_pk: int = Field(sa_column=columns.to("application.pk"))
    number: str = Field(sa_column=columns.name())
    position: int = Field(sa_column=columns.number())
    build_url: str | None = Field(default=None, sa_column=Column(Text))
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class Branch(Row, table=True):
    """A branch. Its head is the version that was added to it last, which need not be the newest."""

    __tablename__ = "branch"
    __table_args__ = (Unique("application_pk", "name"),)
    pk: int | None = Field(default=None, sa_column=columns.key())
    application_pk: int = Field(sa_column=columns.to("application.pk"))
    name: str = Field(sa_column=columns.name())
    head_pk: int | None = Field(
        default=None, sa_column=columns.to("application_version.pk", index=True, nullable=True, on_delete="SET NULL")
    )
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class BranchVersion(Row, table=True):
    """A version on a branch; the rows' own order is the order of adding."""

    __tablename__ = "branch_version"
    __table_args__ = (Unique("branch_pk", "version_pk"), Index("ix_branch_version_added", "branch_pk", "pk"))
    pk: int | None = Field(default=None, sa_column=columns.key())
    branch_pk: int = Field(sa_column=columns.to("branch.pk"))
    version_pk: int = Field(sa_column=columns.to("application_version.pk", index=True))
    created_at: int = Field(sa_column=columns.time())


class Tag(Row, table=True):
    """A tag of a version."""

    __tablename__ = "tag"
    __table_args__ = (Index("ix_tag_newest", "application_pk", "name", "position"),)
    version_pk: int = Field(sa_column=columns.to("application_version.pk", primary=True))
    name: str = Field(sa_column=Column(Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True))
    application_pk: int = Field(sa_column=columns.to("application.pk"))
    position: int = Field(sa_column=columns.number())
    created_at: int = Field(sa_column=columns.time())


class Integration(Row, table=True):
    """A consumer and a provider that ever had a pact."""

    __tablename__ = "integration"
    consumer_pk: int = Field(sa_column=columns.to("application.pk", primary=True))
    provider_pk: int = Field(sa_column=columns.to("application.pk", primary=True, index=True))
    created_at: int = Field(sa_column=columns.time())
    changed_at: int = Field(sa_column=columns.time())


class PactContent(Row, table=True):
    """A content of a pact: what results are about. `text` is the document as it was published first."""

    __tablename__ = "pact_content"
    __table_args__ = (Unique("consumer_pk", "provider_pk", "sha"),)
    pk: int | None = Field(default=None, sa_column=columns.key())
    consumer_pk: int = Field(sa_column=columns.to("application.pk"))
    provider_pk: int = Field(sa_column=columns.to("application.pk", index=True))
    sha: str = Field(sa_column=Column(String(40), nullable=False, index=True))
    text: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=columns.time())


class PactRow(Row, table=True):
    """The pact of a consumer version with a provider, in its newest revision."""

    __tablename__ = "pact"
    __table_args__ = (
        Unique("version_pk", "provider_pk"),
        Index("ix_pact_newest", "provider_pk", "consumer_pk", "position"),
        Index("ix_pact_consumer", "consumer_pk", "position"),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    version_pk: int = Field(sa_column=columns.to("application_version.pk"))
    consumer_pk: int = Field(sa_column=columns.to("application.pk"))
    provider_pk: int = Field(sa_column=columns.to("application.pk"))
    content_pk: int = Field(sa_column=columns.to("pact_content.pk", index=True))
    position: int = Field(sa_column=columns.number())
    revision: int = Field(sa_column=Column(Integer, nullable=False))
    created_at: int = Field(sa_column=columns.time())


class VerificationRow(Row, table=True):
    """A verification result. `newest`: the last one of its content and provider version."""

    __tablename__ = "verification"
    __table_args__ = (
        Unique("number"),
        Index("ix_verification_content", "content_pk", "provider_version_pk", "number"),
        Index(
            "ix_verification_newest",
            "provider_version_pk",
            "content_pk",
            sqlite_where=text("newest = 1"),
            postgresql_where=text("newest = 1"),
        ),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    number: int = Field(sa_column=columns.number())
    content_pk: int = Field(sa_column=columns.to("pact_content.pk"))
    provider_version_pk: int = Field(sa_column=columns.to("application_version.pk"))
    consumer_version_pk: int | None = Field(
        default=None, sa_column=columns.to("application_version.pk", nullable=True, on_delete="SET NULL")
    )
    success: int = Field(sa_column=columns.flag())
    wip: int = Field(sa_column=columns.flag())
    newest: int = Field(sa_column=columns.flag())
    build_url: str | None = Field(default=None, sa_column=Column(Text))
    details: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=columns.time())


class Environment(Row, table=True):
    """A place where versions run. `contacts` is JSON."""

    __tablename__ = "environment"
    __table_args__ = (Unique("uuid"), Unique("name"))
    pk: int | None = Field(default=None, sa_column=columns.key())
    uuid: str = Field(sa_column=Column(String(64), nullable=False))
    name: str = Field(sa_column=columns.name())
    display_name: str = Field(sa_column=Column(Text, nullable=False))
    production: int = Field(sa_column=columns.flag())
    contacts: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class DeployedVersion(Row, table=True):
    """A version deployed to an environment; `instance` is empty where none was named."""

    __tablename__ = "deployed_version"
    __table_args__ = (
        Unique("uuid"),
        Index(
            "uq_deployed_version_current",
            "environment_pk",
            "application_pk",
            "instance",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_deployed_version_present",
            "application_pk",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    uuid: str = Field(sa_column=Column(String(36), nullable=False))
    application_pk: int = Field(sa_column=columns.to("application.pk", index=True))
    version_pk: int = Field(sa_column=columns.to("application_version.pk", index=True))
    environment_pk: int = Field(sa_column=columns.to("environment.pk"))
    instance: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=columns.time())
    ended_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))


class ReleasedVersion(Row, table=True):
    """A version released to an environment and supported there until it is not."""

    __tablename__ = "released_version"
    __table_args__ = (
        Unique("uuid"),
        Unique("version_pk", "environment_pk"),
        Index(
            "ix_released_version_current",
            "environment_pk",
            "application_pk",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index(
            "ix_released_version_present",
            "application_pk",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    uuid: str = Field(sa_column=Column(String(36), nullable=False))
    application_pk: int = Field(sa_column=columns.to("application.pk", index=True))
    version_pk: int = Field(sa_column=columns.to("application_version.pk"))
    environment_pk: int = Field(sa_column=columns.to("environment.pk"))
    created_at: int = Field(sa_column=columns.time())
    ended_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))


class WebhookRow(Row, table=True):
    """A webhook. `request` holds secrets and is sealed; `events` is JSON; empty targets mean every application."""

    __tablename__ = "webhook"
    __table_args__ = (Unique("uuid"),)
    pk: int | None = Field(default=None, sa_column=columns.key())
    uuid: str = Field(sa_column=Column(String(200), nullable=False))
    description: str = Field(sa_column=Column(Text, nullable=False))
    enabled: int = Field(sa_column=columns.flag())
    events: str = Field(sa_column=Column(Text, nullable=False))
    consumer_name: str | None = Field(default=None, sa_column=Column(Text))
    consumer_label: str | None = Field(default=None, sa_column=Column(Text))
    provider_name: str | None = Field(default=None, sa_column=Column(Text))
    provider_label: str | None = Field(default=None, sa_column=Column(Text))
    request: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class DeliveryRow(Row, table=True):
    """One firing of a webhook: written with the change that fired it, sent when it is due.

    `status`: waiting, sending, success or failure; `due_at` also ends a claim whose process died.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        Unique("uuid"),
        Index(
            "ix_delivery_due",
            "due_at",
            sqlite_where=text("status IN ('waiting', 'sending')"),
            postgresql_where=text("status IN ('waiting', 'sending')"),
        ),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    uuid: str = Field(sa_column=Column(String(36), nullable=False))
    webhook_pk: int | None = Field(
        default=None, sa_column=columns.to("webhook.pk", index=True, nullable=True, on_delete="SET NULL")
    )
    event: str = Field(sa_column=Column(String(64), nullable=False))
    consumer_pk: int | None = Field(default=None, sa_column=columns.to("application.pk", nullable=True))
    provider_pk: int | None = Field(default=None, sa_column=columns.to("application.pk", nullable=True))
    version_pk: int | None = Field(
        default=None, sa_column=columns.to("application_version.pk", index=True, nullable=True, on_delete="SET NULL")
    )
    verification_pk: int | None = Field(
        default=None, sa_column=columns.to("verification.pk", index=True, nullable=True, on_delete="SET NULL")
    )
    request: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: str = Field(sa_column=Column(String(16), nullable=False))
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    due_at: int = Field(sa_column=columns.time())
    created_at: int = Field(sa_column=columns.time())
    updated_at: int = Field(sa_column=columns.time())


class DeliveryAttempt(Row, table=True):
    """What one attempt came to, in words without secrets."""

    __tablename__ = "delivery_attempt"
    pk: int | None = Field(default=None, sa_column=columns.key())
    delivery_pk: int = Field(sa_column=columns.to("delivery.pk", index=True))
    at: int = Field(sa_column=columns.time())
    success: int = Field(sa_column=columns.flag())
    log: str = Field(sa_column=Column(Text, nullable=False))


class ContractNeeds(Row, table=True):
    """What an application version relies on in one subject, from one source: a provider's pact, or a declaration.

    `body` is a JSON array of contracts, `digest` its SHA-256; `whole`: the pact holds messages only, so that needs say
    all of it. Subject "" holds what belongs to no known
    subject.
    """

    __tablename__ = "contract_needs"
    __table_args__ = (
        Unique("version_pk", "subject", "source"),
        Index("ix_contract_needs_subject", "subject", "version_pk"),
        Index("ix_contract_needs_provider", "provider", "subject"),
    )
    pk: int | None = Field(default=None, sa_column=columns.key())
    version_pk: int = Field(sa_column=columns.to("application_version.pk"))
    application_pk: int = Field(sa_column=columns.to("application.pk", index=True))
    source: str = Field(sa_column=columns.name())
    provider: str = Field(sa_column=columns.name())
    subject: str = Field(sa_column=columns.name())
    digest: str = Field(sa_column=Column(String(64), nullable=False))
    whole: int = Field(sa_column=columns.flag())
    confirmed_at: int = Field(sa_column=columns.time())
    # Last, so that SQLite reads the others without walking through it.
    body: str = Field(sa_column=Column(Text, nullable=False))


class SubjectReader(Row, table=True):
    """An application that ever had needs of a subject, and its version that said so last; or that somebody declared."""

    __tablename__ = "subject_reader"
    subject: str = Field(sa_column=columns.name(primary_key=True))
    application_pk: int = Field(sa_column=columns.to("application.pk", primary=True, index=True))
    version_pk: int | None = Field(
        default=None, sa_column=columns.to("application_version.pk", index=True, nullable=True, on_delete="SET NULL")
    )


class SubjectMapping(Row, table=True):
    """Messages of a provider whose description matches a glob belong to a subject."""

    __tablename__ = "subject_mapping"
    provider: str = Field(sa_column=columns.name(primary_key=True))
    description: str = Field(sa_column=columns.name(primary_key=True))
    subject: str = Field(sa_column=columns.name())
    created_at: int = Field(sa_column=columns.time())


class ObservedConsumer(Row, table=True):
    """An application that fetched a subject's schemas and said who it is. Without a version `number` is empty."""

    __tablename__ = "observed_consumer"
    subject: str = Field(sa_column=columns.name(primary_key=True))
    application: str = Field(sa_column=columns.name(primary_key=True))
    number: str = Field(sa_column=columns.name(primary_key=True))
    first_seen: int = Field(sa_column=columns.time())
    last_seen: int = Field(sa_column=columns.time())
    fetches: int = Field(sa_column=columns.number())


class ProducedSubject(Row, table=True):
    """A version of a subject that an application version writes. `self_verified`: what the provider said of its own
    check, if it said anything."""

    __tablename__ = "produced_subject"
    __table_args__ = (Index("ix_produced_subject_subject", "subject", "version_pk"),)
    version_pk: int = Field(sa_column=columns.to("application_version.pk", primary=True))
    subject: str = Field(sa_column=columns.name(primary_key=True))
    schema_version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    self_verified: int | None = Field(default=None, sa_column=Column(SmallInteger))
    created_at: int = Field(sa_column=columns.time())


class ProtectionRow(Row, table=True):
    """What a scope protects, as JSON: "" everywhere, `orders-*` a prefix, else one subject."""

    __tablename__ = "protection"
    scope: str = Field(sa_column=columns.name(primary_key=True))
    body: str = Field(sa_column=Column(Text, nullable=False))
    updated_at: int = Field(sa_column=columns.time())


class WaiverRow(Row, table=True):
    """A break that is accepted for a while. Empty `path`, `consumer` and `rule` mean any; `subject` may be a glob."""

    __tablename__ = "waiver"
    uuid: str = Field(sa_column=Column(String(36), primary_key=True))
    subject: str = Field(sa_column=columns.name())
    rule: str = Field(sa_column=Column(Text, nullable=False))
    path: str = Field(sa_column=Column(Text, nullable=False))
    consumer: str = Field(sa_column=Column(Text, nullable=False))
    until: int = Field(sa_column=columns.time())
    reason: str = Field(sa_column=Column(Text, nullable=False))
    owner: str = Field(sa_column=Column(Text, nullable=False))
    created_by: str = Field(sa_column=Column(Text, nullable=False))
    created_at: int = Field(sa_column=columns.time())
    told_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))


class ApplicationOwner(Row, table=True):
    """Who answers for an application."""

    __tablename__ = "application_owner"
    application: str = Field(sa_column=columns.name(primary_key=True))
    owner: str = Field(sa_column=Column(Text, nullable=False))


class TopicEvidence(Row, table=True):
    """What was seen of a topic: how long it keeps events, its oldest one, who reads it, which schema ids it holds.

    `retention_ms` -1: without end; None: not known. `detail` is JSON.
    """

    __tablename__ = "topic_evidence"
    topic: str = Field(sa_column=columns.name(primary_key=True))
    retention_ms: int | None = Field(default=None, sa_column=columns.time(nullable=True))
    oldest_at: int | None = Field(default=None, sa_column=columns.time(nullable=True))
    observed_at: int = Field(sa_column=columns.time())
    detail: str = Field(sa_column=Column(Text, nullable=False))
