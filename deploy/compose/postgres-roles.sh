#!/bin/sh
# Runs once, when PostgreSQL makes its data directory: the two roles that migrations grant to, and Temporal's.
set -eu
psql -v ON_ERROR_STOP=1 -U postgres \
  -v owner="$POSTGRES_OWNER_PASSWORD" -v app="$POSTGRES_APP_PASSWORD" -v temporal="${TEMPORAL_DB_PASSWORD:-}" <<'SQL'
CREATE ROLE berth_owner LOGIN PASSWORD :'owner';
CREATE ROLE berth_app LOGIN PASSWORD :'app' NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
CREATE DATABASE berth OWNER berth_owner;
REVOKE ALL ON DATABASE berth FROM PUBLIC;
GRANT CONNECT ON DATABASE berth TO berth_app;
CREATE ROLE temporal LOGIN CREATEDB PASSWORD :'temporal';
SQL
