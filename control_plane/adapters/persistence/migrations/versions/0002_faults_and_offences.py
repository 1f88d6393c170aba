"""Faults that users start, and offences of guardians."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "faults",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("id", sa.String(length=20), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("target", sa.String(length=80), nullable=True),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("since", sa.Float(precision=53), nullable=False),
        sa.Column("ended_at", sa.Float(precision=53), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("devnet", "id"),
    )
    op.create_table(
        "offences",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("guardian", sa.String(length=66), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("found_at", sa.Float(precision=53), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=True),
        sa.Column("tx", sa.String(length=66), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("amount", sa.String(length=80), nullable=True),
        sa.Column("reward", sa.String(length=80), nullable=True),
        sa.Column("reporter", sa.String(length=66), nullable=True),
        sa.Column("slashed_at", sa.Float(precision=53), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("devnet", "id"),
    )


def downgrade() -> None:
    op.drop_table("offences")
    op.drop_table("faults")
