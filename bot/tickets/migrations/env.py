"""Runs the migrations within the transaction that `bot.tickets.database.migrate` has begun."""

from alembic import context

from bot.tickets.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite can, where the transaction is begun by hand
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
