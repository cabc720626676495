#!/bin/bash
# Run once by the PostgreSQL image, when the leader's data directory is new: the
# role for followers and walfetch, who may log in, and whom commits wait for once
# the image starts the server again.
set -eu

psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d postgres <<'EOT'
CREATE ROLE replicator REPLICATION LOGIN PASSWORD 'replicator';
GRANT pg_monitor TO replicator;
ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (follower, walfetch)';
EOT

cat >"$PGDATA/pg_hba.conf" <<'EOT'
local  all          all                       trust
host   all          all         127.0.0.1/32  scram-sha-256
host   postgres     replicator  samenet       scram-sha-256
host   replication  replicator  samenet       scram-sha-256
EOT
