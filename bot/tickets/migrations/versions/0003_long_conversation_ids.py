"""Makes conversation ids as long as Rasa's tracker store takes them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Takes longer ids."""
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps texts of any length, whatever is said
        for table in ("tickets", "outcomes", "search_events"):
            op.alter_column(table, "conversation_id", type_=sa.String(255))
