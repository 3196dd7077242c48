"""Makes the tables of a new database, or runs the migrations of an older one, in the transaction of `migrate`."""

from alembic import context

from bot.tickets.tables import METADATA

connection = context.config.attributes["connection"]
# SQLite can change tables in a transaction, too, where the transaction is begun by hand.
context.configure(connection=connection, target_metadata=METADATA, transactional_ddl=True, render_as_batch=True)
with context.begin_transaction():
    if context.get_context().get_current_heads():
        context.run_migrations()
    else:
        METADATA.create_all(connection, checkfirst=False)
        context.get_context().stamp(context.script, "head")
