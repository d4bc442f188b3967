"""Keys: KEKs, DEKs, persons."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _key() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _name() -> sa.types.TypeEngine[str]:
    return sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "kek",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("name", _name(), nullable=False),
        sa.Column("kms_type", sa.String(length=64), nullable=False),
        sa.Column("kms_key_id", sa.Text(), nullable=False),
        sa.Column("kms_props", sa.Text(), nullable=True),
        sa.Column("doc", sa.Text(), nullable=True),
        sa.Column("shared", sa.SmallInteger(), nullable=False),
        sa.Column("last_person", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_kek")),
        sa.UniqueConstraint("name", name=op.f("uq_kek_name")),
    )
    op.create_table(
        "dek",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("kek_pk", _key(), nullable=False),
        sa.Column("subject", _name(), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("material", sa.Text(), nullable=True),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("wrapped_by", sa.Text(), nullable=False),
        sa.Column("wrapped_at", sa.BigInteger(), nullable=False),
        sa.Column("reservation", sa.String(length=36), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("deleted_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_dek")),
        sa.ForeignKeyConstraint(["kek_pk"], ["kek.pk"], name=op.f("fk_dek_kek_pk_kek"), ondelete="CASCADE"),
        sa.UniqueConstraint(
            "kek_pk", "subject", "algorithm", "version", name=op.f("uq_dek_kek_pk_subject_algorithm_version")
        ),
    )
    op.create_index("ix_dek_subject", "dek", ["subject", "kek_pk"])
    op.create_table(
        "key_cell",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("kek_pk", _key(), nullable=False),
        sa.Column("material", sa.Text(), nullable=False),
        sa.Column("wrapped_by", sa.Text(), nullable=False),
        sa.Column("wrapped_at", sa.BigInteger(), nullable=False),
        sa.Column("persons", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_key_cell")),
        sa.ForeignKeyConstraint(["kek_pk"], ["kek.pk"], name=op.f("fk_key_cell_kek_pk_kek"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_key_cell_kek_pk"), "key_cell", ["kek_pk"])
    op.create_table(
        "person",
        sa.Column("kek_pk", _key(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("handle", sa.LargeBinary(), nullable=False),
        sa.Column("algorithm", sa.String(length=16), nullable=False),
        sa.Column("material", sa.LargeBinary(), nullable=False),
        sa.Column("commitment", sa.LargeBinary(), nullable=True),
        sa.Column("cell_pk", _key(), nullable=True),
        sa.Column("epoch", sa.String(length=16), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("kek_pk", "version", name=op.f("pk_person")),
        sa.ForeignKeyConstraint(["kek_pk"], ["kek.pk"], name=op.f("fk_person_kek_pk_kek"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["cell_pk"], ["key_cell.pk"], name=op.f("fk_person_cell_pk_key_cell"), ondelete="RESTRICT"
        ),
        sa.UniqueConstraint("kek_pk", "handle", name=op.f("uq_person_kek_pk_handle")),
    )
    op.create_index("ix_person_epoch", "person", ["epoch"])
    op.create_index(op.f("ix_person_cell_pk"), "person", ["cell_pk"])
    op.create_table(
        "tombstone",
        sa.Column("pk", _key(), autoincrement=True, nullable=False),
        sa.Column("kek", _name(), nullable=False),
        sa.Column("handle", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("erased_at", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("legal_basis", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("pk", name=op.f("pk_tombstone")),
        sa.UniqueConstraint("kek", "version", name=op.f("uq_tombstone_kek_version")),
    )
    op.create_index("ix_tombstone_handle", "tombstone", ["kek", "handle"])


def downgrade() -> None:
    op.drop_index("ix_tombstone_handle", "tombstone")
    op.drop_table("tombstone")
    op.drop_index(op.f("ix_person_cell_pk"), "person")
    op.drop_index("ix_person_epoch", "person")
    op.drop_table("person")
    op.drop_index(op.f("ix_key_cell_kek_pk"), "key_cell")
    op.drop_table("key_cell")
    op.drop_index("ix_dek_subject", "dek")
    op.drop_table("dek")
    op.drop_table("kek")
