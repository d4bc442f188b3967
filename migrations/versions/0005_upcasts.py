"""Upcasters: plans and their proofs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upcast",
        sa.Column("pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("subject_pk", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("to_version", sa.Integer(), nullable=True),
        sa.Column("old_key", sa.String(length=64), nullable=False),
        sa.Column("new_key", sa.String(length=64), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("plan_hash", sa.String(length=80), nullable=False),
        sa.Column("attestation", sa.Text(), nullable=False),
        sa.Column("proven", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subject_pk"], ["subject.pk"], name=op.f("fk_upcast_subject_pk_subject"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_upcast")),
        sa.UniqueConstraint(
            "subject_pk", "from_version", "new_key", name=op.f("uq_upcast_subject_pk_from_version_new_key")
        ),
    )
    op.create_index("ix_upcast_edge", "upcast", ["subject_pk", "from_version", "to_version"])


def downgrade() -> None:
    op.drop_table("upcast")
