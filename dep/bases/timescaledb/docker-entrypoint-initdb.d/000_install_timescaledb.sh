#!/bin/bash
# As in the official image: the extension in postgres, in template1 (so in every database made from it later) and in
# POSTGRES_DB; telemetry off only when asked for.
set -e

telemetry=basic
if [ "${TIMESCALEDB_TELEMETRY-}" = off ]; then telemetry=off; fi
echo "timescaledb.telemetry_level=$telemetry" >>"$PGDATA/postgresql.conf"

# The job that trims the job history exists in the Apache edition, but fails there at each run.
for database in $(printf '%s\n' postgres template1 "$POSTGRES_DB" | sort -u); do
  psql --no-psqlrc --quiet --single-transaction --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$database" <<SQL
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS timescaledb CASCADE;
UPDATE _timescaledb_config.bgw_job SET scheduled = false
  WHERE proc_name = 'policy_job_stat_history_retention'
     OR proc_name = 'policy_telemetry' AND '$telemetry' = 'off';
SQL
done
