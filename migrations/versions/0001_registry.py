"""The registry: contexts, subjects, versions, schemas, settings, events, associations."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


REGISTER = """
CREATE FUNCTION tenor_register(
    p_context text, p_name text, p_revision bigint, p_epoch bigint, p_number integer, p_fingerprint bytea, p_guid text,
    p_format text, p_text text, p_metadata text, p_rule_set text, p_source text, p_kinds text[], p_names text[],
    p_now bigint, p_actor text, p_resource text)
RETURNS TABLE (schema_pk bigint, schema_id integer) LANGUAGE plpgsql AS $$
DECLARE
    v_context bigint;
    v_subject bigint;
    v_revision bigint;
BEGIN
    IF COALESCE((SELECT value FROM counter WHERE counter.name = 'settings'), 0) <> p_epoch THEN RETURN; END IF;
    SELECT c.pk, s.pk, s.revision INTO v_context, v_subject, v_revision
    FROM context c LEFT JOIN subject s ON s.context_pk = c.pk AND s.name = p_name WHERE c.name = p_context;
    IF v_revision IS DISTINCT FROM p_revision THEN RETURN; END IF;
    IF v_context IS NULL THEN
        INSERT INTO context (name, last_id) VALUES (p_context, 0) RETURNING pk INTO v_context;
    END IF;
    SELECT x.pk, x.id INTO schema_pk, schema_id FROM schema_ x
    WHERE x.context_pk = v_context AND x.fingerprint = p_fingerprint ORDER BY x.twin LIMIT 1;
    IF schema_pk IS NULL THEN
        UPDATE context SET last_id = last_id + 1 WHERE pk = v_context RETURNING last_id INTO schema_id;
        INSERT INTO schema_ (context_pk, id, fingerprint, twin, guid, format, text, metadata, rule_set, created_at)
        VALUES (v_context, schema_id, p_fingerprint, 0, p_guid, p_format, p_text, p_metadata, p_rule_set, p_now)
        RETURNING pk INTO schema_pk;
        INSERT INTO term (schema_pk, position, kind, name)
        SELECT tenor_register.schema_pk, t.position - 1, t.kind, t.name
        FROM unnest(p_kinds, p_names) WITH ORDINALITY AS t (kind, name, position);
    END IF;
    IF v_subject IS NULL THEN
        INSERT INTO subject (context_pk, name, revision, live, latest_version, max_version)
        VALUES (v_context, p_name, (random() * 4611686018427387904)::bigint, 1, p_number, p_number)
        RETURNING pk INTO v_subject;
    ELSE
        UPDATE subject SET revision = revision + 1, live = live + 1,
            latest_version = GREATEST(latest_version, p_number), max_version = GREATEST(max_version, p_number)
        WHERE pk = v_subject;
    END IF;
    INSERT INTO version (subject_pk, version, schema_pk, created_at, source)
    VALUES (v_subject, p_number, tenor_register.schema_pk, p_now, p_source);
    INSERT INTO event (at, actor, action, resource, body)
    VALUES (p_now, p_actor, 'register', p_resource, '{"id":' || schema_id || ',"version":' || p_number || '}');
    RETURN NEXT;
END $$
"""
"""The commit of an ordinary registration in one call (registry/store/queries/registering.py)."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(REGISTER)
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
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION tenor_register")
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
