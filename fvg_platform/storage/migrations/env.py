"""How Alembic reaches the database: over the connection that `storage.migrate` hands it."""

from alembic import context

from fvg_platform.storage.schema import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, compare_type=True
)
with context.begin_transaction():
    context.run_migrations()
