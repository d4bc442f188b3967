"""The registry: contexts, subjects, versions, schemas, settings, events, associations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "association",
        sa.Column("guid", sa.String(length=36), nullable=False),
        sa.Column("resource_id", sa.Text(), nullable=False),
        sa.Column("resource_name", sa.Text(), nullable=False),
        sa.Column("resource_namespace", sa.Text(), nullable=False),
        sa.Column("resource_type", sa.String(length=32), nullable=False),
        sa.Column("type", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("lifecycle", sa.String(length=16), nullable=False),
        sa.Column("frozen", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("guid", name=op.f("pk_association")),
        sa.UniqueConstraint(
            "resource_id", "resource_type", "type", name=op.f("uq_association_resource_id_resource_type_type")
        ),
    )
    with op.batch_alter_table("association", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_association_resource_name"), ["resource_name"], unique=False)
        batch_op.create_index(batch_op.f("ix_association_resource_namespace"), ["resource_namespace"], unique=False)
        batch_op.create_index(batch_op.f("ix_association_scope"), ["scope"], unique=False)

    op.create_table(
        "config",
        sa.Column("scope", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_config")),
    )
    op.create_table(
        "context",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("last_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_context")),
        sa.UniqueConstraint("name", name=op.f("uq_context_name")),
    )
    op.create_table(
        "counter",
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_counter")),
    )
    op.create_table(
        "event",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("resource", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=True),
        sa.Column("hash", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_event")),
        sa.UniqueConstraint("sequence", name=op.f("uq_event_sequence")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_resource", ["resource", "pk"], unique=False)

    op.create_table(
        "idempotency",
        sa.Column("key", sa.String(length=300), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency")),
    )
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_idempotency_created_at"), ["created_at"], unique=False)

    op.create_table(
        "mode",
        sa.Column("scope", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_mode")),
    )
    op.create_table(
        "schema_",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("context_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("twin", sa.Integer(), nullable=False),
        sa.Column("guid", sa.String(length=36), nullable=False),
        sa.Column("format", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("refs", sa.Text(), nullable=True),
        sa.Column("metadata", sa.Text(), nullable=True),
        sa.Column("rule_set", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["context_pk"], ["context.pk"], name=op.f("fk_schema__context_pk_context"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_schema_")),
        sa.UniqueConstraint("context_pk", "fingerprint", "twin", name=op.f("uq_schema__context_pk_fingerprint_twin")),
        sa.UniqueConstraint("context_pk", "id", name=op.f("uq_schema__context_pk_id")),
    )
    with op.batch_alter_table("schema_", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_schema__guid"), ["guid"], unique=False)

    op.create_table(
        "subject",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("context_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("live", sa.Integer(), nullable=False),
        sa.Column("latest_version", sa.Integer(), nullable=True),
        sa.Column("max_version", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["context_pk"], ["context.pk"], name=op.f("fk_subject_context_pk_context"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_subject")),
        sa.UniqueConstraint("context_pk", "name", name=op.f("uq_subject_context_pk_name")),
    )
    with op.batch_alter_table("subject", schema=None) as batch_op:
        batch_op.create_index(
            "ix_subject_live",
            ["context_pk", "name"],
            unique=False,
            sqlite_where=sa.text("live > 0"),
            postgresql_where=sa.text("live > 0"),
        )
        batch_op.create_index(
            "ix_subject_owner",
            ["owner", "context_pk", "name"],
            unique=False,
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )

    op.create_table(
        "reference",
        sa.Column("schema_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("subject_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schema_pk"], ["schema_.pk"], name=op.f("fk_reference_schema_pk_schema_"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subject_pk"], ["subject.pk"], name=op.f("fk_reference_subject_pk_subject"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schema_pk", "position", name=op.f("pk_reference")),
    )
    with op.batch_alter_table("reference", schema=None) as batch_op:
        batch_op.create_index("ix_reference_target", ["subject_pk", "version"], unique=False)

    op.create_table(
        "term",
        sa.Column("schema_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.ForeignKeyConstraint(
            ["schema_pk"], ["schema_.pk"], name=op.f("fk_term_schema_pk_schema_"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("schema_pk", "position", name=op.f("pk_term")),
    )
    with op.batch_alter_table("term", schema=None) as batch_op:
        batch_op.create_index("ix_term_value", ["kind", "name", "schema_pk"], unique=False)

    op.create_table(
        "version",
        sa.Column("subject_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("schema_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["schema_pk"], ["schema_.pk"], name=op.f("fk_version_schema_pk_schema_"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["subject_pk"], ["subject.pk"], name=op.f("fk_version_subject_pk_subject"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subject_pk", "version", name=op.f("pk_version")),
    )
    with op.batch_alter_table("version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_version_schema_pk"), ["schema_pk"], unique=False)
        batch_op.create_index(
            "uq_version_live",
            ["subject_pk", "schema_pk"],
            unique=True,
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("version", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_version_live",
            sqlite_where=sa.text("deleted_at IS NULL"),
            postgresql_where=sa.text("deleted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_version_schema_pk"))

    op.drop_table("version")
    with op.batch_alter_table("term", schema=None) as batch_op:
        batch_op.drop_index("ix_term_value")

    op.drop_table("term")
    with op.batch_alter_table("reference", schema=None) as batch_op:
        batch_op.drop_index("ix_reference_target")

    op.drop_table("reference")
    with op.batch_alter_table("subject", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_subject_owner",
            sqlite_where=sa.text("owner IS NOT NULL"),
            postgresql_where=sa.text("owner IS NOT NULL"),
        )
        batch_op.drop_index("ix_subject_live", sqlite_where=sa.text("live > 0"), postgresql_where=sa.text("live > 0"))

    op.drop_table("subject")
    with op.batch_alter_table("schema_", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_schema__guid"))

    op.drop_table("schema_")
    op.drop_table("mode")
    with op.batch_alter_table("idempotency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_idempotency_created_at"))

    op.drop_table("idempotency")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index("ix_event_resource")

    op.drop_table("event")
    op.drop_table("counter")
    op.drop_table("context")
    op.drop_table("config")
    with op.batch_alter_table("association", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_association_scope"))
        batch_op.drop_index(batch_op.f("ix_association_resource_namespace"))
        batch_op.drop_index(batch_op.f("ix_association_resource_name"))

    op.drop_table("association")
