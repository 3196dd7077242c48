#!/bin/sh
# Makes the two databases, each with a user of its own: who knows the password of one cannot read the other.
# Run once as PostgreSQL's superuser: compose does, elsewhere with CONVERSATIONS_PASSWORD and TICKETS_PASSWORD set.
set -eu
psql --no-psqlrc --quiet -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres <<'SQL'
\getenv conversations_password CONVERSATIONS_PASSWORD
\getenv tickets_password TICKETS_PASSWORD
CREATE ROLE conversations LOGIN PASSWORD :'conversations_password';
CREATE ROLE tickets LOGIN PASSWORD :'tickets_password';
CREATE DATABASE conversations OWNER conversations;
CREATE DATABASE tickets OWNER tickets;
REVOKE CONNECT ON DATABASE conversations, tickets FROM PUBLIC;
SQL
