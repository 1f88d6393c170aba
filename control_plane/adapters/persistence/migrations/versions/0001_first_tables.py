"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cursors",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("agent", sa.String(length=80), nullable=False),
        sa.Column("chain", sa.String(length=31), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.Column("block_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "agent", "chain"),
    )
    op.create_table(
        "devnets",
        sa.Column("name", sa.String(length=31), nullable=False),
        sa.Column("devnet_id", sa.String(length=66), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("plan", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("desired", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("ready_at", sa.Float(precision=53), nullable=True),
        sa.Column("ready_ms", sa.Float(precision=53), nullable=True),
        sa.Column("timings", sa.JSON(), nullable=False),
        sa.Column("expires_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "epochs",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("header", sa.JSON(), nullable=False),
        sa.Column("header_hash", sa.String(length=66), nullable=False),
        sa.Column("leaves", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("certified_at", sa.Float(precision=53), nullable=True),
        sa.Column("signers", sa.JSON(), nullable=False),
        sa.Column("absent", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "epoch"),
    )
    op.create_table(
        "events",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("at", sa.Float(precision=53), nullable=False),
        sa.Column("type", sa.String(length=80), nullable=False),
        sa.Column("service", sa.String(length=80), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_events_devnet_id", "events", ["devnet", "id"], unique=False)
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=128), nullable=False),
        sa.Column("status", sa.BigInteger(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(precision=53), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("ix_idempotency_created", "idempotency_keys", ["created_at"], unique=False)
    op.create_table(
        "messages",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("id", sa.String(length=66), nullable=False),
        sa.Column("origin", sa.BigInteger(), nullable=False),
        sa.Column("destination", sa.BigInteger(), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.String(length=66), nullable=False),
        sa.Column("recipient", sa.String(length=66), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("tree_index", sa.BigInteger(), nullable=False),
        sa.Column("origin_tx", sa.String(length=66), nullable=False),
        sa.Column("origin_block", sa.BigInteger(), nullable=False),
        sa.Column("origin_block_hash", sa.String(length=66), nullable=False),
        sa.Column("dispatched_at", sa.Float(precision=53), nullable=False),
        sa.Column("gas_paid", sa.String(length=80), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reason_since", sa.Float(precision=53), nullable=True),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("next_attempt_at", sa.Float(precision=53), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("attested_at", sa.Float(precision=53), nullable=True),
        sa.Column("certificate_tx", sa.String(length=66), nullable=True),
        sa.Column("certified_at", sa.Float(precision=53), nullable=True),
        sa.Column("relay_tx", sa.String(length=66), nullable=True),
        sa.Column("relayed_at", sa.Float(precision=53), nullable=True),
        sa.Column("delivered_tx", sa.String(length=66), nullable=True),
        sa.Column("delivered_block", sa.BigInteger(), nullable=True),
        sa.Column("delivered_block_hash", sa.String(length=66), nullable=True),
        sa.Column("delivered_at", sa.Float(precision=53), nullable=True),
        sa.PrimaryKeyConstraint("devnet", "id"),
    )
    op.create_index(
        "ix_messages_delivered",
        "messages",
        ["devnet", "destination", "delivered_block"],
        unique=False,
    )
    op.create_index("ix_messages_dispatched", "messages", ["devnet", "dispatched_at"], unique=False)
    op.create_index(
        "ix_messages_origin_block", "messages", ["devnet", "origin", "origin_block"], unique=False
    )
    op.create_index("ix_messages_epoch", "messages", ["devnet", "epoch"], unique=False)
    op.create_index("ix_messages_state", "messages", ["devnet", "state"], unique=False)
    op.create_index(
        "ix_messages_tree", "messages", ["devnet", "origin", "tree_index"], unique=False
    )
    op.create_table(
        "services",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("service", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=True),
        sa.Column("identity", sa.String(length=200), nullable=True),
        sa.Column("port", sa.BigInteger(), nullable=True),
        sa.Column("command", sa.JSON(), nullable=False),
        sa.Column("log", sa.Text(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=True),
        sa.Column("restarts", sa.BigInteger(), nullable=False),
        sa.Column("saved_block", sa.BigInteger(), nullable=True),
        sa.Column("saved_at", sa.Float(precision=53), nullable=True),
        sa.Column("lost_blocks", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("devnet", "service"),
    )
    op.create_table(
        "steps",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("started_at", sa.Float(precision=53), nullable=False),
        sa.Column("ended_at", sa.Float(precision=53), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "name"),
    )
    op.create_table(
        "votes",
        sa.Column("devnet", sa.String(length=31), nullable=False),
        sa.Column("guardian", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("header_hash", sa.String(length=66), nullable=False),
        sa.PrimaryKeyConstraint("devnet", "guardian", "epoch"),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a copy of the database instead")
