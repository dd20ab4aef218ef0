"""Causes in the running stack: LiteLLM, its database, memory limits, the connection to the proxy."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import ConfigError, DataError, GatewayError, StartError, StartTimeout, UsageError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "litellm-config",
        StartError,
        "LiteLLM cannot use its configuration or its secrets.",
        "Correct what the message names in models.yaml or .env, then start again; litellm_config.yaml itself "
        "is generated.",
    ),
    Cause(
        "callback-not-found",
        StartError,
        "A callback in the configuration cannot be loaded.",
        "Correct its name in models.yaml (litellm_settings), or put the module into RUN_CLAUDE_CALLBACKS.",
    ),
    Cause(
        "database-unreachable",
        StartError,
        "LiteLLM could not reach its database within 120 s.",
        "`run-claude proxy logs --service timescaledb` shows why; --no-db starts without the database.",
        retryable=True,
    ),
    Cause(
        "database-connections",
        DataError,
        "All connections of the database are in use.",
        "Close what else is connected to it, then try again; `run-claude proxy restart` closes the proxy's own.",
        retryable=True,
    ),
    Cause(
        "database-password",
        StartError,
        "The database rejects the password: its volume was created with another one.",
        "Put the old RUN_CLAUDE_TIMESCALEDB_PASSWORD back into .env, or run `run-claude secrets rotate "
        "--database` while the database runs.",
    ),
    Cause(
        "database-password-missing",
        StartError,
        "There is no password to initialize the database volume with.",
        "Run `run-claude secrets init`.",
    ),
    Cause(
        "database-version",
        StartError,
        "The volume was created by another major version of PostgreSQL than the image contains.",
        "Set RUN_CLAUDE_TIMESCALEDB_IMAGE to an image of the volume's version, or back up with that image and"
        " restore with this one.",
    ),
    Cause(
        "database-init-failed",
        StartError,
        "A database could not be initialized on its volume.",
        "Read the last lines above. Remove the volume only if the message says that it held no database before.",
    ),
    Cause(
        "database-image",
        StartError,
        "The database's image keeps its data elsewhere than in the volume, or than the volume has it.",
        "Nothing was changed. Set RUN_CLAUDE_TIMESCALEDB_IMAGE to an image with its data in /var/lib/postgresql/data,"
        " such as timescale/timescaledb:2.23.1-pg17.",
    ),
    Cause(
        "timescaledb-version",
        StartError,
        "The image lacks the TimescaleDB that the volume's catalog names: another version, or another edition.",
        "Nothing was changed. Set RUN_CLAUDE_TIMESCALEDB_IMAGE to the image that made the volume. To change it, back up"
        " with that image and restore with the other one.",
        also=(DataError,),
    ),
    Cause(
        "database-migration-failed",
        StartError,
        "A migration of LiteLLM's database failed; the message names it, and what the database said. A proxy that"
        " served with another image runs on.",
        "Move what is in its way (`run-claude db shell -d litellm`), then start again; until then, start without the "
        "database: --no-db.",
    ),
    Cause(
        "database-migration-timeout",
        StartTimeout,
        "The migrations of LiteLLM's database did not finish in time.",
        "Allow more time with --timeout SECONDS. A first start runs about 220 migrations.",
        retryable=True,
    ),
    Cause(
        "out-of-memory",
        StartError,
        "A container exceeded its memory limit and was killed.",
        "Raise its limit: RUN_CLAUDE_LITELLM_MEMORY, RUN_CLAUDE_TIMESCALEDB_MEMORY.",
    ),
    Cause(
        "container-looping",
        StartError,
        "A container keeps exiting and being restarted, and its log does not name the reason.",
        "Read its last log lines above. `run-claude doctor` checks what it needs.",
    ),
    Cause(
        "container-died",
        StartError,
        "A container exited during the start, and its log does not name the reason.",
        "Read its last log lines above. `run-claude doctor` checks what it needs.",
    ),
    Cause(
        "container-unhealthy",
        StartError,
        "A container runs, but its health check fails. The message names the first stage that fails: "
        "answering, database, models.",
        "`run-claude proxy logs` shows what it does; `run-claude doctor` checks stage by stage.",
        retryable=True,
    ),
    Cause(
        "container-removed",
        StartError,
        "Something else removed a container during the start.",
        "Start again. If it happens again, find out what removes this stack's containers.",
        retryable=True,
    ),
    Cause(
        "container-not-started",
        StartError,
        "A container was created, but the engine could not start it.",
        "The message quotes the engine; `docker start NAME` shows it again.",
    ),
    Cause(
        "container-paused",
        StartError,
        "A container is paused.",
        "Run `docker unpause NAME`.",
    ),
    Cause(
        "start-timeout",
        StartTimeout,
        "Nothing failed, but the stack did not become healthy in time. The message names what it waits for.",
        "Allow more time with --timeout SECONDS; `run-claude proxy logs -f` shows what happens.",
        retryable=True,
    ),
    Cause(
        "gateway-unreachable",
        GatewayError,
        "Nothing answers at the proxy's address.",
        "Start the proxy with `run-claude proxy start`.",
        retryable=True,
    ),
    Cause(
        "gateway-timeout",
        GatewayError,
        "The proxy accepts connections but does not answer in time.",
        "See `run-claude proxy logs`. If the proxy hangs, run `run-claude proxy restart`.",
        retryable=True,
    ),
    Cause(
        "gateway-key",
        GatewayError,
        "The proxy rejects the master key: it was started with another one.",
        "Apply the current key: `run-claude proxy restart`.",
    ),
    Cause(
        "gateway-refused",
        GatewayError,
        "The proxy, or the provider behind it, answered with an error.",
        "`run-claude proxy logs` shows the provider's answer.",
    ),
    Cause(
        "gateway-no-answer",
        GatewayError,
        "A model's server answered, but with nothing that is an answer.",
        "Look at the address and at the model's provider: `run-claude models show NAME`, docs/local-servers.md.",
    ),
    Cause(
        "local-server-down",
        GatewayError,
        "Nothing listens at the address of a local model.",
        "Start its server, or correct the model's api_base.",
        retryable=True,
    ),
    Cause(
        "local-server-loopback",
        GatewayError,
        "A local model's server listens on 127.0.0.1 only, where no container reaches it.",
        "Make it listen on 0.0.0.0, behind your firewall: docs/local-servers.md says how.",
    ),
    Cause(
        "local-server-blocked",
        GatewayError,
        "A firewall keeps LiteLLM's container from a local model's server.",
        "Allow the port from Docker's networks.",
    ),
    Cause(
        "local-server-protocol",
        GatewayError,
        "What listens at a local model's address speaks another protocol.",
        "Look at the address and at the model's provider: docs/local-servers.md has both for each server.",
    ),
    Cause(
        "not-started",
        UsageError,
        "This instance has no containers.",
        "Start them with `run-claude proxy start`.",
    ),
    Cause(
        "database-not-running",
        DataError,
        "The command needs the database, which is not running.",
        "Start it with `run-claude proxy start`.",
    ),
    Cause(
        "usage-not-kept",
        DataError,
        "LiteLLM has never used this database, and so has kept no usage.",
        "Start LiteLLM with it: RUN_CLAUDE_PRISMA=on, and `run-claude proxy start --db`.",
    ),
    Cause(
        "query-failed",
        DataError,
        "PostgreSQL rejected a statement; the message quotes it.",
        "See `run-claude proxy logs --service timescaledb`.",
    ),
    Cause(
        "backup-failed",
        DataError,
        "A database cannot be dumped, or the file cannot be written. No partial file is left.",
        "Check the free space with `df -h`, and see `run-claude proxy logs --service timescaledb`.",
    ),
    Cause(
        "backup-invalid",
        DataError,
        "The file is not a backup, is truncated, or was changed. Nothing was restored.",
        "Choose a file that `run-claude db backup` has written.",
    ),
    Cause(
        "restore-failed",
        DataError,
        "A backup cannot be restored. The existing data is unchanged.",
        "Read PostgreSQL's message, or try another backup.",
    ),
    Cause("no-data", DataError, "There is no database to remove.", "There is nothing to do."),
    Cause(
        "not-confirmed",
        DataError,
        "The confirmation was not given. Nothing was changed.",
        "Run the command again to confirm.",
    ),
    Cause(
        "compose-file-invalid",
        ConfigError,
        "services/docker-compose.yaml is not valid YAML; the message names the line.",
        "Correct the line, or replace the file with `run-claude install --force`.",
    ),
)
