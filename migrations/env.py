"""Alembic's entry: runs revisions on the connection that `registry.store.migrations` opened."""

from alembic import context

import contracts.tables  # noqa: F401 # its tables join the metadata
from registry.store.tables import Row

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Row.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
