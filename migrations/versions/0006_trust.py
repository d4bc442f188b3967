"""Trust: identities, tokens, grants, checkpoints; where each event came from."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


# Who still calls with the parameters of before notes no origin: replicas of both releases may run side by side.
ORIGIN = """
DO $$
DECLARE
    body text := pg_get_functiondef('tenor_register'::regproc);
BEGIN
    DROP FUNCTION tenor_register;
    body := replace(body, 'p_resource text)', 'p_resource text, p_origin text DEFAULT NULL)');
    body := replace(body, '(at, actor, action, resource, body)', '(at, actor, action, resource, body, origin)');
    body := replace(body, '''}'');', '''}'', p_origin);');
    EXECUTE body;
END $$
"""

NO_ORIGIN = """
DO $$
DECLARE
    body text := pg_get_functiondef('tenor_register'::regproc);
BEGIN
    DROP FUNCTION tenor_register;
    body := replace(body, ', p_origin text DEFAULT NULL::text)', ')');
    body := replace(body, '(at, actor, action, resource, body, origin)', '(at, actor, action, resource, body)');
    body := replace(body, '''}'', p_origin);', '''}'');');
    EXECUTE body;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "identity",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("password", sa.Text(), nullable=True),
        sa.Column("disabled", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_identity")),
        sa.UniqueConstraint("name", name=op.f("uq_identity_name")),
    )
    op.create_table(
        "token",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("identity_pk", _key(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["identity_pk"], ["identity.pk"], name=op.f("fk_token_identity_pk_identity"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_token")),
        sa.UniqueConstraint("id", name=op.f("uq_token_id")),
        sa.UniqueConstraint("hash", name=op.f("uq_token_hash")),
    )
    with op.batch_alter_table("token", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_token_identity_pk"), ["identity_pk"], unique=False)
    op.create_table(
        "access_grant",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("principal", _name(), nullable=False),
        sa.Column("role", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("glob", _name(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_access_grant")),
        sa.UniqueConstraint("principal", "role", "kind", "glob", name=op.f("uq_access_grant_principal_role_kind_glob")),
    )
    op.create_table(
        "checkpoint",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.String(length=64), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_checkpoint")),
    )
    with op.batch_alter_table("checkpoint", schema=None) as batch_op:
        batch_op.create_index("ix_checkpoint_sequence", ["sequence"], unique=False)
    op.add_column("event", sa.Column("origin", sa.Text(), nullable=True))
    op.create_index("ix_event_actor", "event", ["actor", "pk"], unique=False)
    if op.get_bind().dialect.name == "postgresql":
        op.execute(ORIGIN)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(NO_ORIGIN)
    op.drop_index("ix_event_actor", table_name="event")
    # Rewriting a log of any length to take a column out would be a batch of its own: both engines can drop one.
    op.drop_column("event", "origin")
    for table in ("checkpoint", "access_grant", "token", "identity"):
        op.drop_table(table)
