"""Guardian sets, guardians that come and go, and votes on sets."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "set_votes",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("guardian", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("set_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("commitment", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "guardian", "set_id"),
    )
    op.create_table(
        "guardian_sets",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("set_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("outgoing", sa.BigInteger(), nullable=False),
        sa.Column("members", sa.JSON(), nullable=False),
        sa.Column("rotation", sa.Text(), nullable=True),
        sa.Column("made_at", sa.Float(precision=53), nullable=False),
        sa.Column("active_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("devnet", "set_id"),
    )
    op.create_table(
        "guardians",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(length=66), nullable=False),
        sa.Column("added_at", sa.Float(precision=53), nullable=False),
        sa.Column("left_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("devnet", "number"),
    )


def downgrade() -> None:
    op.drop_table("guardians")
    op.drop_table("guardian_sets")
    op.drop_table("set_votes")
