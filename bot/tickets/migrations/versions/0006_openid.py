"""Agents who sign in with OpenID Connect: their issuer and subject."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Adds the columns; agents with a password have nothing in them."""
    for name in ("openid_issuer", "openid_subject"):
        op.add_column("desk_agents", sa.Column(name, sa.String(255)))
    index = op.f("ix_desk_agents_openid_issuer_openid_subject")
    op.create_index(index, "desk_agents", ["openid_issuer", "openid_subject"], unique=True)
