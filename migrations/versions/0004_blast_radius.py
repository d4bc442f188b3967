"""Blast radius: needs, policies, waivers, evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "application_owner",
        sa.Column("application", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("application", name=op.f("pk_application_owner")),
    )
    op.create_table(
        "observed_consumer",
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("application", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("number", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("fetches", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "application", "number", name=op.f("pk_observed_consumer")),
    )
    op.create_table(
        "protection",
        sa.Column("scope", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("scope", name=op.f("pk_protection")),
    )
    op.create_table(
        "subject_mapping",
        sa.Column("provider", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("description", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("provider", "description", name=op.f("pk_subject_mapping")),
    )
    op.create_table(
        "topic_evidence",
        sa.Column("topic", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("retention_ms", sa.BigInteger(), nullable=True),
        sa.Column("oldest_at", sa.BigInteger(), nullable=True),
        sa.Column("observed_at", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_topic_evidence")),
    )
    op.create_table(
        "waiver",
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_waiver")),
    )
    op.create_table(
        "contract_needs",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("provider", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("whole", sa.SmallInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_contract_needs_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_contract_needs_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_contract_needs")),
        sa.UniqueConstraint(
            "version_pk", "subject", "source", name=op.f("uq_contract_needs_version_pk_subject_source")
        ),
    )
    with op.batch_alter_table("contract_needs", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contract_needs_application_pk"), ["application_pk"], unique=False)
        batch_op.create_index("ix_contract_needs_provider", ["provider", "subject"], unique=False)
        batch_op.create_index("ix_contract_needs_subject", ["subject", "version_pk"], unique=False)
    op.create_table(
        "produced_subject",
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("schema_version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("self_verified", sa.SmallInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_produced_subject_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_pk", "subject", "schema_version", name=op.f("pk_produced_subject")),
    )
    with op.batch_alter_table("produced_subject", schema=None) as batch_op:
        batch_op.create_index("ix_produced_subject_subject", ["subject", "version_pk"], unique=False)
    op.create_table(
        "subject_reader",
        sa.Column("subject", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_subject_reader_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_subject_reader_version_pk_application_version"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("subject", "application_pk", name=op.f("pk_subject_reader")),
    )
    with op.batch_alter_table("subject_reader", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_subject_reader_application_pk"), ["application_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_subject_reader_version_pk"), ["version_pk"], unique=False)
    with op.batch_alter_table("deployed_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_deployed_version_present",
            ["application_pk"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    with op.batch_alter_table("released_version", schema=None) as batch_op:
        batch_op.create_index(
            "ix_released_version_present",
            ["application_pk"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("released_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_released_version_present",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    with op.batch_alter_table("deployed_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_deployed_version_present",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    with op.batch_alter_table("subject_reader", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_subject_reader_version_pk"))
        batch_op.drop_index(batch_op.f("ix_subject_reader_application_pk"))
    op.drop_table("subject_reader")
    with op.batch_alter_table("produced_subject", schema=None) as batch_op:
        batch_op.drop_index("ix_produced_subject_subject")
    op.drop_table("produced_subject")
    with op.batch_alter_table("contract_needs", schema=None) as batch_op:
        batch_op.drop_index("ix_contract_needs_subject")
        batch_op.drop_index("ix_contract_needs_provider")
        batch_op.drop_index(batch_op.f("ix_contract_needs_application_pk"))
    op.drop_table("contract_needs")
    op.drop_table("waiver")
    op.drop_table("topic_evidence")
    op.drop_table("subject_mapping")
    op.drop_table("protection")
    op.drop_table("observed_consumer")
    op.drop_table("application_owner")
