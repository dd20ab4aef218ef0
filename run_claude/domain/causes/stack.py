"""Causes in the containers: LiteLLM, its database, their limits, and the way to them."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import ConfigError, DataError, GatewayError, StartError, StartTimeout, UsageError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "litellm-config",
        StartError,
        "LiteLLM cannot use its configuration or its secrets.",
        "Repair what it names, then start again; litellm_config.yaml itself is generated.",
    ),
    Cause(
        "callback-not-found",
        StartError,
        "A callback named in the configuration does not load.",
        "Correct it in models.yaml (litellm_settings), or put its module into RUN_CLAUDE_CALLBACKS.",
    ),
    Cause(
        "database-unreachable",
        StartError,
        "LiteLLM found no database in 120 s.",
        "`run-claude proxy logs --service timescaledb` shows what it does; --no-db starts without it.",
        retryable=True,
    ),
    Cause(
        "database-password",
        StartError,
        "The database refuses the password: its volume was made with another one.",
        "Put the old RUN_CLAUDE_TIMESCALEDB_PASSWORD back into .env, or `run-claude secrets rotate --database` while"
        " it runs.",
    ),
    Cause(
        "database-password-missing",
        StartError,
        "The database has no password to initialise its volume with.",
        "Run `run-claude secrets init`.",
    ),
    Cause(
        "database-version",
        StartError,
        "The volume was made by another major version of PostgreSQL than the image has.",
        "Set RUN_CLAUDE_TIMESCALEDB_IMAGE to an image of the volume's version, or dump there and restore here.",
    ),
    Cause(
        "database-init-failed",
        StartError,
        "The initialisation of a new database volume failed; what is in the volume is unfinished.",
        "Read the last lines above; then remove the unfinished volume, which holds no data yet.",
    ),
    Cause(
        "database-migration-failed",
        StartError,
        "A migration of LiteLLM's database failed.",
        "Read the last lines above; start without the database with --no-db meanwhile.",
    ),
    Cause(
        "database-migration-timeout",
        StartTimeout,
        "The migrations of LiteLLM's database did not end in the time given.",
        "Give them longer with --timeout SECONDS: a first start runs some 220.",
        retryable=True,
    ),
    Cause(
        "out-of-memory",
        StartError,
        "A container used more memory than its limit allows and was killed.",
        "Raise its limit: RUN_CLAUDE_LITELLM_MEMORY, RUN_CLAUDE_TIMESCALEDB_MEMORY.",
    ),
    Cause(
        "container-looping",
        StartError,
        "A container dies and is restarted, again and again, for a reason that its log does not name.",
        "Read its last log lines, above; `run-claude doctor` goes through what it needs.",
    ),
    Cause(
        "container-died",
        StartError,
        "A container died during the start for a reason that its log does not name.",
        "Read its last log lines, above; `run-claude doctor` goes through what it needs.",
    ),
    Cause(
        "container-unhealthy",
        StartError,
        "A container runs, but its health check fails; the first level that fails is named: answering, database,"
        " models.",
        "`run-claude proxy logs` shows what it does; `run-claude doctor` goes through the levels.",
        retryable=True,
    ),
    Cause(
        "container-removed",
        StartError,
        "A container was removed during the start by something else.",
        "Start again; find out what removes containers of this stack.",
        retryable=True,
    ),
    Cause(
        "container-not-started",
        StartError,
        "A container was created, and the engine could not start it.",
        "The engine's own words are in the message; `docker start NAME` repeats them.",
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
        "Nothing failed, but the stack is not healthy in the time given; what it waits for is named.",
        "Give it longer with --timeout SECONDS; `run-claude proxy logs -f` shows what it does.",
        retryable=True,
    ),
    Cause(
        "gateway-unreachable",
        GatewayError,
        "Nothing answers at the proxy's address.",
        "Start it with `run-claude proxy start`.",
        retryable=True,
    ),
    Cause(
        "gateway-timeout",
        GatewayError,
        "The proxy accepts connections and does not answer in time.",
        "Look at `run-claude proxy logs`; `run-claude proxy restart` helps if it hangs.",
        retryable=True,
    ),
    Cause(
        "gateway-key",
        GatewayError,
        "The proxy refuses the master key: it was started with another one.",
        "Apply the one you have now: `run-claude proxy restart`.",
    ),
    Cause(
        "gateway-refused",
        GatewayError,
        "The proxy, or the provider behind it, answered with an error.",
        "`run-claude proxy logs` shows what the provider said.",
    ),
    Cause(
        "not-started",
        UsageError,
        "There are no containers of this instance to look at.",
        "Start them with `run-claude proxy start`.",
    ),
    Cause(
        "database-not-running",
        DataError,
        "The database has to run for this, and does not.",
        "Start it with `run-claude proxy start`.",
    ),
    Cause("query-failed", DataError, "PostgreSQL refused a statement; its words are given.", "Look at its log."),
    Cause(
        "backup-failed",
        DataError,
        "A database cannot be dumped, or the file cannot be written. Nothing half-written is left.",
        "Check the space left with `df -h`, and `run-claude proxy logs --service timescaledb`.",
    ),
    Cause(
        "backup-invalid",
        DataError,
        "A file is no backup of run-claude's, was cut off or has changed. Nothing was restored.",
        "Choose a file that `run-claude db backup` has written.",
    ),
    Cause(
        "restore-failed",
        DataError,
        "A backup cannot be restored. The data that was there is in place.",
        "Read PostgreSQL's words in the message; try another backup.",
    ),
    Cause("no-data", DataError, "There is no database to remove.", "Nothing is to be done."),
    Cause("not-confirmed", DataError, "The question was not answered with yes.", "Run the command again."),
    Cause(
        "compose-file-invalid",
        ConfigError,
        "services/docker-compose.yaml is no valid YAML; the line is named.",
        "Repair it, or run `run-claude install --force` to write it anew.",
    ),
)
