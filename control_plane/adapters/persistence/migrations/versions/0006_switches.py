"""What rules that switch rollups have done."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "switches",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("rollup", sa.String(length=31), nullable=False),
        sa.Column("switched_at", sa.Float(precision=53), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("rule", sa.BigInteger(), nullable=True),
        sa.Column("declared", sa.JSON(), nullable=True),
        sa.Column("marks", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "rollup"),
    )


def downgrade() -> None:
    op.drop_table("switches")
