"""Messages that demand finality or reads, and epochs that answer reads."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("finality", "reads"):
        op.add_column(
            "messages", sa.Column(name, sa.BigInteger(), nullable=False, server_default="0")
        )
    op.add_column("epochs", sa.Column("reads", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("epochs", "reads")
    op.drop_column("messages", "reads")
    op.drop_column("messages", "finality")
