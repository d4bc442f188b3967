"""Contract testing: applications, pacts, verifications, environments, webhooks."""

import time
from uuid import uuid4

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "application",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("main_branch", sa.Text(), nullable=True),
        sa.Column("repository_url", sa.Text(), nullable=True),
        sa.Column("repository_name", sa.Text(), nullable=True),
        sa.Column("repository_namespace", sa.Text(), nullable=True),
        sa.Column("last_position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_application")),
        sa.UniqueConstraint("name", name=op.f("uq_application_name")),
    )
    op.create_table(
        "environment",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("production", sa.SmallInteger(), nullable=False),
        sa.Column("contacts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_environment")),
        sa.UniqueConstraint("name", name=op.f("uq_environment_name")),
        sa.UniqueConstraint("uuid", name=op.f("uq_environment_uuid")),
    )
    op.create_table(
        "webhook",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("enabled", sa.SmallInteger(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("consumer_name", sa.Text(), nullable=True),
        sa.Column("consumer_label", sa.Text(), nullable=True),
        sa.Column("provider_name", sa.Text(), nullable=True),
        sa.Column("provider_label", sa.Text(), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_webhook")),
        sa.UniqueConstraint("uuid", name=op.f("uq_webhook_uuid")),
    )
    op.create_table(
        "application_label",
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_application_label_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("application_pk", "name", name=op.f("pk_application_label")),
    )
    with op.batch_alter_table("application_label", schema=None) as batch_op:
        batch_op.create_index("ix_application_label_name", ["name", "application_pk"], unique=False)

    op.create_table(
        "application_version",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("number", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("build_url", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_application_version_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_application_version")),
        sa.UniqueConstraint("application_pk", "number", name=op.f("uq_application_version_application_pk_number")),
    )
    with op.batch_alter_table("application_version", schema=None) as batch_op:
        batch_op.create_index("ix_application_version_position", ["application_pk", "position"], unique=False)

    op.create_table(
        "integration",
        sa.Column("consumer_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_pk"], ["application.pk"], name=op.f("fk_integration_consumer_pk_application"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["provider_pk"], ["application.pk"], name=op.f("fk_integration_provider_pk_application"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("consumer_pk", "provider_pk", name=op.f("pk_integration")),
    )
    with op.batch_alter_table("integration", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_integration_provider_pk"), ["provider_pk"], unique=False)

    op.create_table(
        "pact_content",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("consumer_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_pk"],
            ["application.pk"],
            name=op.f("fk_pact_content_consumer_pk_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_pk"],
            ["application.pk"],
            name=op.f("fk_pact_content_provider_pk_application"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_pact_content")),
        sa.UniqueConstraint(
            "consumer_pk", "provider_pk", "sha", name=op.f("uq_pact_content_consumer_pk_provider_pk_sha")
        ),
    )
    with op.batch_alter_table("pact_content", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_pact_content_provider_pk"), ["provider_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_pact_content_sha"), ["sha"], unique=False)

    op.create_table(
        "branch",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("head_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_branch_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["head_pk"],
            ["application_version.pk"],
            name=op.f("fk_branch_head_pk_application_version"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_branch")),
        sa.UniqueConstraint("application_pk", "name", name=op.f("uq_branch_application_pk_name")),
    )
    with op.batch_alter_table("branch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_branch_head_pk"), ["head_pk"], unique=False)

    op.create_table(
        "deployed_version",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("environment_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_deployed_version_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["environment_pk"],
            ["environment.pk"],
            name=op.f("fk_deployed_version_environment_pk_environment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_deployed_version_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_deployed_version")),
        sa.UniqueConstraint("uuid", name=op.f("uq_deployed_version_uuid")),
    )
    with op.batch_alter_table("deployed_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_deployed_version_application_pk"), ["application_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_deployed_version_version_pk"), ["version_pk"], unique=False)
        batch_op.create_index(
            "uq_deployed_version_current",
            ["environment_pk", "application_pk", "instance"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "pact",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("consumer_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("content_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_pk"], ["application.pk"], name=op.f("fk_pact_consumer_pk_application"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["content_pk"], ["pact_content.pk"], name=op.f("fk_pact_content_pk_pact_content"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["provider_pk"], ["application.pk"], name=op.f("fk_pact_provider_pk_application"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_pact_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_pact")),
        sa.UniqueConstraint("version_pk", "provider_pk", name=op.f("uq_pact_version_pk_provider_pk")),
    )
    with op.batch_alter_table("pact", schema=None) as batch_op:
        batch_op.create_index("ix_pact_consumer", ["consumer_pk", "position"], unique=False)
        batch_op.create_index(batch_op.f("ix_pact_content_pk"), ["content_pk"], unique=False)
        batch_op.create_index("ix_pact_newest", ["provider_pk", "consumer_pk", "position"], unique=False)

    op.create_table(
        "released_version",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("environment_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_pk"],
            ["application.pk"],
            name=op.f("fk_released_version_application_pk_application"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["environment_pk"],
            ["environment.pk"],
            name=op.f("fk_released_version_environment_pk_environment"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_released_version_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_released_version")),
        sa.UniqueConstraint("uuid", name=op.f("uq_released_version_uuid")),
        sa.UniqueConstraint("version_pk", "environment_pk", name=op.f("uq_released_version_version_pk_environment_pk")),
    )
    with op.batch_alter_table("released_version", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_released_version_application_pk"), ["application_pk"], unique=False)
        batch_op.create_index(
            "ix_released_version_current",
            ["environment_pk", "application_pk"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "tag",
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), nullable=False),
        sa.Column("application_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_pk"], ["application.pk"], name=op.f("fk_tag_application_pk_application"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_tag_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_pk", "name", name=op.f("pk_tag")),
    )
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.create_index("ix_tag_newest", ["application_pk", "name", "position"], unique=False)

    op.create_table(
        "verification",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("content_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("provider_version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("consumer_version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("success", sa.SmallInteger(), nullable=False),
        sa.Column("wip", sa.SmallInteger(), nullable=False),
        sa.Column("newest", sa.SmallInteger(), nullable=False),
        sa.Column("build_url", sa.Text(), nullable=True),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_version_pk"],
            ["application_version.pk"],
            name=op.f("fk_verification_consumer_version_pk_application_version"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["content_pk"],
            ["pact_content.pk"],
            name=op.f("fk_verification_content_pk_pact_content"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_version_pk"],
            ["application_version.pk"],
            name=op.f("fk_verification_provider_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_verification")),
        sa.UniqueConstraint("number", name=op.f("uq_verification_number")),
    )
    with op.batch_alter_table("verification", schema=None) as batch_op:
        batch_op.create_index("ix_verification_content", ["content_pk", "provider_version_pk", "number"], unique=False)
        batch_op.create_index(
            "ix_verification_newest",
            ["provider_version_pk", "content_pk"],
            unique=False,
            sqlite_where=sa.text("newest = 1"),
            postgresql_where=sa.text("newest = 1"),
        )

    op.create_table(
        "branch_version",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("branch_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["branch_pk"], ["branch.pk"], name=op.f("fk_branch_version_branch_pk_branch"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_branch_version_version_pk_application_version"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_branch_version")),
        sa.UniqueConstraint("branch_pk", "version_pk", name=op.f("uq_branch_version_branch_pk_version_pk")),
    )
    with op.batch_alter_table("branch_version", schema=None) as batch_op:
        batch_op.create_index("ix_branch_version_added", ["branch_pk", "pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_branch_version_version_pk"), ["version_pk"], unique=False)

    op.create_table(
        "delivery",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("webhook_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("event", sa.String(length=64), nullable=False),
        sa.Column("consumer_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("provider_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("version_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("verification_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["consumer_pk"], ["application.pk"], name=op.f("fk_delivery_consumer_pk_application"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["provider_pk"], ["application.pk"], name=op.f("fk_delivery_provider_pk_application"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["verification_pk"],
            ["verification.pk"],
            name=op.f("fk_delivery_verification_pk_verification"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["version_pk"],
            ["application_version.pk"],
            name=op.f("fk_delivery_version_pk_application_version"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["webhook_pk"], ["webhook.pk"], name=op.f("fk_delivery_webhook_pk_webhook"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_delivery")),
        sa.UniqueConstraint("uuid", name=op.f("uq_delivery_uuid")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_due",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text("status IN ('waiting', 'sending')"),
            postgresql_where=sa.text("status IN ('waiting', 'sending')"),
        )
        batch_op.create_index(batch_op.f("ix_delivery_verification_pk"), ["verification_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_version_pk"), ["version_pk"], unique=False)
        batch_op.create_index(batch_op.f("ix_delivery_webhook_pk"), ["webhook_pk"], unique=False)

    op.create_table(
        "delivery_attempt",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("delivery_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("success", sa.SmallInteger(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_pk"], ["delivery.pk"], name=op.f("fk_delivery_attempt_delivery_pk_delivery"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_delivery_attempt")),
    )
    with op.batch_alter_table("delivery_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_attempt_delivery_pk"), ["delivery_pk"], unique=False)

    now = int(time.time() * 1000)
    for name, production in (("test", 0), ("production", 1)):
        op.execute(
            sa.text(
                "INSERT INTO environment (uuid, name, display_name, production, contacts, created_at, updated_at) "
                "VALUES (:uuid, :name, :display, :production, '[]', :now, :now)"
            ).bindparams(uuid=str(uuid4()), name=name, display=name.capitalize(), production=production, now=now)
        )


def downgrade() -> None:
    with op.batch_alter_table("delivery_attempt", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_attempt_delivery_pk"))

    op.drop_table("delivery_attempt")
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_delivery_webhook_pk"))
        batch_op.drop_index(batch_op.f("ix_delivery_version_pk"))
        batch_op.drop_index(batch_op.f("ix_delivery_verification_pk"))
        batch_op.drop_index(
            "ix_delivery_due",
            sqlite_where=sa.text("status IN ('waiting', 'sending')"),
            postgresql_where=sa.text("status IN ('waiting', 'sending')"),
        )

    op.drop_table("delivery")
    with op.batch_alter_table("branch_version", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_branch_version_version_pk"))
        batch_op.drop_index("ix_branch_version_added")

    op.drop_table("branch_version")
    with op.batch_alter_table("verification", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_verification_newest", sqlite_where=sa.text("newest = 1"), postgresql_where=sa.text("newest = 1")
        )
        batch_op.drop_index("ix_verification_content")

    op.drop_table("verification")
    with op.batch_alter_table("tag", schema=None) as batch_op:
        batch_op.drop_index("ix_tag_newest")

    op.drop_table("tag")
    with op.batch_alter_table("released_version", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_released_version_current",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_released_version_application_pk"))

    op.drop_table("released_version")
    with op.batch_alter_table("pact", schema=None) as batch_op:
        batch_op.drop_index("ix_pact_newest")
        batch_op.drop_index(batch_op.f("ix_pact_content_pk"))
        batch_op.drop_index("ix_pact_consumer")

    op.drop_table("pact")
    with op.batch_alter_table("deployed_version", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_deployed_version_current",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_deployed_version_version_pk"))
        batch_op.drop_index(batch_op.f("ix_deployed_version_application_pk"))

    op.drop_table("deployed_version")
    with op.batch_alter_table("branch", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_branch_head_pk"))

    op.drop_table("branch")
    with op.batch_alter_table("pact_content", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_pact_content_sha"))
        batch_op.drop_index(batch_op.f("ix_pact_content_provider_pk"))

    op.drop_table("pact_content")
    with op.batch_alter_table("integration", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_integration_provider_pk"))

    op.drop_table("integration")
    with op.batch_alter_table("application_version", schema=None) as batch_op:
        batch_op.drop_index("ix_application_version_position")

    op.drop_table("application_version")
    with op.batch_alter_table("application_label", schema=None) as batch_op:
        batch_op.drop_index("ix_application_label_name")

    op.drop_table("application_label")
    op.drop_table("webhook")
    op.drop_table("environment")
    op.drop_table("application")
