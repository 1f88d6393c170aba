"""Alembic's entry: runs on the connection that schema.upgrade passes."""

from alembic import context

from control_plane.adapters.persistence.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    render_as_batch=connection.dialect.name == "sqlite",
    transactional_ddl=False,  # the caller's transaction is the one that counts
)
context.run_migrations()
