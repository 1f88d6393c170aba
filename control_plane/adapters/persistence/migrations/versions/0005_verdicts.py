"""Verdicts that guardians signed in disputes about outputs."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verdicts",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("guardian", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("question", sa.String(length=66), nullable=False),
        sa.Column("digest", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "guardian", "question"),
    )


def downgrade() -> None:
    op.drop_table("verdicts")
