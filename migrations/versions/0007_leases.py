"""Leases: how many uses of a data key were handed out."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Null for what was never leased: replicas of the former release insert rows without it.
    op.add_column("dek", sa.Column("leased", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("dek", "leased")
