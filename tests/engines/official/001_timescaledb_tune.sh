#!/bin/bash
# As timescaledb-tune leaves it on a machine of 1 GB: after the settings that are there, so that these count.
cat >>"${POSTGRESQL_CONF_DIR:-$PGDATA}/postgresql.conf" <<'CONF'
shared_buffers = 256MB
effective_cache_size = 768MB
maintenance_work_mem = 131072kB
work_mem = 5242kB
timescaledb.max_background_workers = 16
max_worker_processes = 21
max_parallel_workers_per_gather = 1
max_parallel_workers = 2
wal_buffers = 7864kB
min_wal_size = 512MB
default_statistics_target = 100
random_page_cost = 1.1
checkpoint_completion_target = 0.9
max_connections = 25
max_locks_per_transaction = 64
autovacuum_max_workers = 10
autovacuum_naptime = 10
effective_io_concurrency = 256
timescaledb.last_tuned = '2026-01-01T00:00:00Z'
CONF
