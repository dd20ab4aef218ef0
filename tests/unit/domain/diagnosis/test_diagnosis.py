"""What a message means: each as Compose, the engine and the clients really print it."""

from __future__ import annotations

import errno

import pytest

from run_claude.domain.diagnosis import (
    Evidence,
    ProbeStages,
    compose_failure,
    engine_frozen,
    engine_refused,
    engine_unreachable,
    first_failing_stage,
    foreign_container,
    port_of,
    port_taken,
    service_failure,
    start_timeout,
)
from run_claude.domain.lifecycle import Phase, Service, ServiceState
from run_claude.domain.marks import unsealed
from run_claude.errors import (
    BuildError,
    ConfigError,
    ConflictError,
    EngineError,
    RunClaudeError,
    StartError,
)
from tests.marks import log_of, mark

SOCKET = "unix:///var/run/docker.sock"

# --- Compose ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("returncode", "stderr", "error", "code"),
    [
        (
            1,
            f"Cannot connect to the Docker daemon at {SOCKET}. Is the docker daemon running?",
            EngineError,
            "engine-not-running",
        ),
        (
            1,
            f"failed to connect to the docker API at {SOCKET}; check if the path is correct",
            EngineError,
            "engine-not-running",
        ),
        (
            1,
            f"permission denied while trying to connect to the Docker daemon socket at {SOCKET}: Get"
            ' "http://%2Fvar%2Frun%2Fdocker.sock/v1.45/info": dial unix /var/run/docker.sock: connect:'
            " permission denied",
            EngineError,
            "engine-permission",
        ),
        (
            1,
            f"permission denied while trying to connect to the docker API at {SOCKET}",
            EngineError,
            "engine-permission",
        ),
        (1, "docker: unknown command: docker compose\n\nRun 'docker --help'", EngineError, "compose-missing"),
        (125, "unknown shorthand flag: 'f' in -f\nSee 'docker --help'.", EngineError, "compose-missing"),
        (1, "docker: 'compose' is not a docker command.", EngineError, "compose-missing"),
        (
            1,
            'Error response from daemon: "specify health-check start interval" requires API version 1.44,'
            " but the Docker daemon API version is 1.43",
            EngineError,
            "engine-too-old",
        ),
        (
            15,
            "validating /s/docker-compose.yaml: services.litellm Additional property start_it is not allowed",
            EngineError,
            "compose-too-old",
        ),
        (
            15,
            "validating /s/docker-compose.yaml: additional properties 'start_it' not allowed",
            EngineError,
            "compose-too-old",
        ),
        (
            1,
            'Error response from daemon: Conflict. The container name "/x" is already in use by container "0123".'
            " You have to remove (or rename) that container to be able to reuse that name.",
            ConflictError,
            "name-taken",
        ),
        (15, "yaml: line 1: did not find expected key", ConfigError, "compose-file-invalid"),
        (
            18,
            'Error response from daemon: Get "https://registry.example/v2/": dial tcp: lookup registry.example'
            " on 127.0.0.53:53: no such host",
            BuildError,
            "base-image-network",
        ),
        (
            17,
            "failed to solve: registry.example/python:3: failed to resolve source metadata for"
            ' registry.example/python:3: failed to do request: Head "https://registry.example/v2/python/manifests/3":'
            " tls: failed to verify certificate: x509: certificate signed by unknown authority",
            BuildError,
            "base-image-certificate",
        ),
        (
            18,
            'Error response from daemon: Get "https://registry.example/v2/": proxyconnect tcp: dial tcp 10.0.0.1:3128:'
            " connect: connection refused",
            BuildError,
            "base-image-proxy",
        ),
        (18, "Error response from daemon: manifest unknown", BuildError, "base-image-unknown"),
        (
            18,
            "Error response from daemon: pull access denied for nobody/has-this, repository does not exist or may"
            " require 'docker login': denied: requested access to the resource is denied",
            BuildError,
            "base-image-unknown",
        ),
        (1, "Error response from daemon: No such image: run-claude/litellm:1", BuildError, "image-missing"),
        (
            17,
            '------\nfailed to solve: process "/bin/sh -c exit 7" did not complete successfully: exit code: 7',
            BuildError,
            "build-failed",
        ),
        (1, "write /var/lib/docker/tmp/x: no space left on device", StartError, "disk-full"),
        (1, "dependency failed to start: container test-timescaledb is unhealthy", StartError, "compose-failed"),
        (3, "", StartError, "compose-failed"),
    ],
)
def test_a_message_of_compose_is_one_error(
    returncode: int, stderr: str, error: type[RunClaudeError], code: str
) -> None:
    told = compose_failure("up", returncode, stderr)
    assert type(told) is error
    assert (told.code, told.exit_code) == (code, error.exit_code)
    assert told.facts["returncode"] == returncode
    assert "\n" not in told.message
    assert "\n" not in told.help
    assert told.help
    assert "{" not in told.message + told.help


@pytest.mark.parametrize(
    "stderr",
    [
        f"Cannot connect to the Docker daemon at {SOCKET}. Is the docker daemon running?",
        f"Cannot connect to the Docker daemon at {SOCKET}.",
        f"failed to connect to the docker API at {SOCKET}",
        f"failed to connect to the docker API at {SOCKET}; check if the path is correct",
        f"permission denied while trying to connect to the Docker daemon socket at {SOCKET}: Get",
        f"permission denied while trying to connect to the docker API at {SOCKET}",
    ],
)
def test_the_engine_is_named_without_the_punctuation_after_it(stderr: str) -> None:
    assert compose_failure("up", 1, stderr).message.endswith(f" at {SOCKET}.")


def test_a_build_that_fails_names_its_step() -> None:
    stderr = 'failed to solve: process "/bin/sh -c pip install x" did not complete successfully: exit code: 1'
    told = compose_failure("build litellm", 17, stderr)
    assert told.message == "The image cannot be built: /bin/sh -c pip install x"
    assert told.exit_code == 5


def test_a_base_image_is_named_with_what_its_registry_said() -> None:
    told = compose_failure(
        "build litellm",
        17,
        "failed to solve: x.example/python:3: failed to resolve source metadata for x.example/python:3: failed to do"
        ' request: Head "https://x.example/v2/python/manifests/3": dial tcp: lookup x.example: no such host',
    )
    assert (told.code, told.retryable) == ("base-image-network", True)
    assert "x.example/python:3" in told.message
    assert "no such host" in told.message


def test_a_step_that_finds_no_network_is_a_step_and_no_base_image() -> None:
    told = compose_failure(
        "build litellm",
        17,
        "#9 pip: Failed to establish a new connection: [Errno 111] Connection refused\n"
        'failed to solve: process "/bin/sh -c pip install x" did not complete successfully: exit code: 1',
    )
    assert told.code == "build-failed"
    assert "HTTPS_PROXY" in told.help


def test_a_build_that_says_nothing_is_still_a_build_error() -> None:
    assert compose_failure("build litellm", 1, "").code == "build-failed"


def test_a_build_that_names_no_step_is_still_a_build_error() -> None:
    assert compose_failure("build litellm", 1, "failed to solve: ").code == "build-failed"


def test_a_step_of_ours_that_fails_speaks_for_itself() -> None:
    printed = "#9 run-claude: error: no engines\n#9 run-claude: help: name a mirror\nfailed to solve: exit code: 1"
    told = compose_failure("build litellm", 17, printed)
    assert (told.code, told.message, told.help) == (
        "build-failed",
        "The image cannot be built: no engines",
        "name a mirror",
    )


def test_the_detail_is_the_end_of_what_was_printed() -> None:
    told = compose_failure("up", 1, "\n".join(map(str, range(100))))
    assert told.detail.splitlines() == [str(number) for number in range(85, 100)]


@pytest.mark.parametrize(
    ("stderr", "port"),
    [
        (
            "Error response from daemon: driver failed programming external connectivity on endpoint test-litellm"
            " (0a1b): Error starting userland proxy: listen tcp4 127.0.0.1:18099: bind: address already in use",
            18099,
        ),
        ("Bind for 127.0.0.1:18099 failed: port is already allocated", 18099),
        ("listen tcp 0.0.0.0:4000: bind: address already in use", 4000),
        ("Bind for :::4000 failed: port is already allocated", 4000),
        (
            "failed to bind host port for 127.0.0.1:4444:172.18.0.2:4444/tcp: address already in use",
            4444,
        ),
        pytest.param("failed to bind host port 127.0.0.1:4444/tcp: address already in use", 4444),
        ("ports are not available: exposing port TCP 127.0.0.1:4444 -> 127.0.0.1:0: listen tcp 127.0.0.1:4444:"
         " bind: address already in use", 4444),
        ("failed to bind host port [::1]:4444/tcp: address already in use", 4444),
        ("Bind for [::1]:4444 failed: port is already allocated", 4444),
        ("Bind for ::1:4444 failed: port is already allocated", 4444),
        ("Bind for fd7a:115c:a1e0::1:4444 failed: port is already allocated", 4444),
        ("listen tcp [fd7a:115c:a1e0::1]:4444: bind: address already in use", 4444),
        ("failed to bind host port for [::1]:4444:[fd00::2]:4000/tcp: address already in use", 4444),
        ("ports are not available: exposing port TCP 127.0.0.1:4444 -> 127.0.0.1:0: listen tcp 127.0.0.1:4444: bind:"
         " Only one usage of each socket address (protocol/network address/port) is normally permitted.", 4444),
        ("dial tcp 127.0.0.1:4444: connection refused", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_port_that_is_taken_is_found(stderr: str, port: int | None) -> None:
    assert port_of(stderr) == port


def test_a_taken_port_is_a_conflict_with_a_way_out() -> None:
    told = port_taken(4444, "LITELLM_PORT", holder="nginx", free=4450)
    assert (told.code, told.exit_code) == ("port-taken", 8)
    assert told.message == "Port 4444 is taken by nginx."
    assert "LITELLM_PORT=4450" in told.help
    assert "--port" in told.help
    other = port_taken(5433, "RUN_CLAUDE_TIMESCALEDB_PORT", holder="", free=None)
    assert other.message == "Port 5433 is taken."
    assert "RUN_CLAUDE_TIMESCALEDB_PORT=5434" in other.help
    assert "--port" not in other.help


def test_a_foreign_container_is_a_conflict() -> None:
    told = foreign_container("test-litellm", "nginx")
    assert (told.code, told.exit_code) == ("name-taken", 8)
    assert "test-litellm" in told.help


# --- the engine ---------------------------------------------------------------------------------------------------


def chained(outer: BaseException, inner: BaseException) -> BaseException:
    outer.__cause__ = inner
    return outer


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (PermissionError(errno.EACCES, "Permission denied"), "engine-permission", False),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "engine-not-running", True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "engine-not-running", True),
        (
            chained(RuntimeError("wrapped"), PermissionError(errno.EACCES, "Permission denied")),
            "engine-permission",
            False,
        ),
        (RuntimeError("[Errno 13] Permission denied"), "engine-permission", False),
        (RuntimeError("All connection attempts failed"), "engine-not-running", True),
        (TimeoutError(), "engine-frozen", True),
        (ConnectionResetError(errno.ECONNRESET, "Connection reset by peer"), "engine-connection", True),
        (ValueError("Expecting value: line 1"), "engine-connection", True),
    ],
)
def test_why_the_engine_cannot_be_asked(error: BaseException, code: str, retryable: bool) -> None:
    told = engine_unreachable(SOCKET, error)
    assert (told.code, told.exit_code, told.retryable) == (code, 4, retryable)


def test_no_socket_and_no_docker_command_is_no_docker() -> None:
    gone = FileNotFoundError(errno.ENOENT, "No such file or directory")
    assert engine_unreachable(SOCKET, gone, installed=False).code == "engine-not-installed"
    refused = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
    assert engine_unreachable(SOCKET, refused, installed=False).code == "engine-not-running"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (500, '{"message":"Docker Desktop is manually paused. Unpause it."}', "engine-not-running"),
        (503, "<html><h1>503 Service Unavailable</h1>\nNo server is available</html>", "engine-not-running"),
        (502, "", "engine-not-running"),
        (503, '{"message":"containerd is not reachable"}', "engine-refused"),
        (404, "Docker Desktop is a page here", "engine-refused"),
        (500, '["no object"]', "engine-refused"),
        (403, '{"message":"authorization denied"}', "engine-refused"),
    ],
)
def test_a_refusal_is_the_engines_or_that_of_who_stands_in_front_of_it(status: int, body: str, code: str) -> None:
    told = engine_refused("/info", status, body)
    assert (told.code, told.retryable) == (code, code == "engine-not-running")
    assert ("unpause it in Docker Desktop" in told.help) == ("paused" in body)
    assert "{" not in told.message


def test_errors_that_cause_each_other_end() -> None:
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert engine_unreachable(SOCKET, first).code == "engine-connection"


def test_a_frozen_engine_says_for_how_long() -> None:
    assert engine_frozen(5.0).message == "The Docker engine does not answer within 5 s."
    assert engine_frozen(None).message == "The Docker engine does not answer."


# --- a container that does not get healthy ------------------------------------------------------------------------

NOTHING = Evidence()
PG = "2026-11-28 21:03:11.123 UTC [1]"
DIED = ServiceState(phase=Phase.EXITED, id="a", name="test-litellm", exit_code=1)


@pytest.mark.parametrize(
    ("service", "line", "code"),
    [
        (Service.LITELLM, mark("error: no master key"), "litellm-config"),
        (Service.LITELLM, "yaml.scanner.ScannerError: mapping values are not allowed here", "litellm-config"),
        (Service.LITELLM, "Error: P1000: Authentication failed against database server", "database-password"),
        (Service.LITELLM, 'FATAL: password authentication failed for user "postgres"', "database-password"),
        (
            Service.LITELLM,
            mark('error: the migration 2024_x of LiteLLM\'s database failed: relation "a" exists (42P07)'),
            "database-migration-failed",
        ),
        (
            Service.LITELLM,
            mark("error: a migration of LiteLLM's database failed: P1000: Authentication failed against `x`"),
            "database-password",
        ),
        (
            Service.LITELLM,
            "21:03:11 - LiteLLM Proxy:ERROR: proxy_server.py:812 - P1000: Authentication failed",
            "database-password",
        ),
        (Service.LITELLM, "Error: P3009 migrate found failed migrations", "database-migration-failed"),
        (Service.LITELLM, "OSError: [Errno 28] No space left on device", "disk-full"),
        (Service.TIMESCALEDB, f"{PG} FATAL:  database files are incompatible with server", "database-version"),
        (Service.TIMESCALEDB, "Error: Database is uninitialized and superuser password is not specified.",
         "database-password-missing"),
        (Service.TIMESCALEDB, f'{PG} PANIC:  could not write to file "pg_wal/x": No space left on device', "disk-full"),
        (Service.TIMESCALEDB, 'initdb: error: could not write file "x": No space left on device', "disk-full"),
        (Service.LITELLM, "INFO: nothing to see here", "container-died"),
    ],
)  # fmt: skip
def test_a_line_of_its_log_says_why(service: Service, line: str, code: str) -> None:
    told = service_failure(service, "died", DIED, log_of(service, ["before", line, "after"]))
    assert (told.code, told.exit_code) == (code, 6)
    assert unsealed(line) in told.detail


@pytest.mark.parametrize("reason", ["died", "looping", "unhealthy", "removed", "not-started", "paused"])
def test_without_a_telling_line_the_reason_is_told(reason: str) -> None:
    told = service_failure(Service.LITELLM, reason, DIED, NOTHING)
    assert (told.code, told.facts["reason"]) == (f"container-{reason}", reason)
    assert told.message.startswith("litellm ")
    assert "{" not in told.message + told.help


def test_out_of_memory_beats_what_the_log_says() -> None:
    told = service_failure(Service.LITELLM, "died", DIED, log_of(Service.LITELLM, [mark("error: x")]), oom=True)
    assert told.code == "out-of-memory"
    assert "RUN_CLAUDE_LITELLM_MEMORY" in told.help


def test_out_of_memory_names_limit_and_peak_where_they_are_known() -> None:
    told = service_failure(Service.LITELLM, "died", DIED, NOTHING, oom=True, memory={"limit": 64 << 20, "peak": 0})
    assert told.message == "litellm ran out of memory (limit 64 MB)."
    assert told.facts["memory_limit"] == 64 << 20
    both = service_failure(
        Service.LITELLM, "died", DIED, NOTHING, oom=True, memory={"limit": 64 << 20, "peak": 63 << 20}
    )
    assert "limit 64 MB, peak 63 MB" in both.message


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [(3, "litellm-config"), (69, "database-unreachable"), (78, "litellm-config"), (1, "container-died")],
)
def test_without_a_log_the_exit_code_of_the_entrypoint_says_why(exit_code: int, code: str) -> None:
    died = ServiceState(phase=Phase.EXITED, exit_code=exit_code)
    assert service_failure(Service.LITELLM, "died", died, NOTHING).code == code
    assert service_failure(Service.TIMESCALEDB, "died", died, NOTHING).code == "container-died"


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("callback a.b: ModuleNotFoundError: No module named 'a'", "callback-not-found"),
        ("the database timescaledb:5432 does not answer in 120 s: x", "database-unreachable"),
        ("litellm_config.yaml is no valid YAML: x", "litellm-config"),
        (
            "the migration 2026_add_it of LiteLLM's database failed: relation exists (42P07)",
            "database-migration-failed",
        ),
    ],
)
def test_what_the_entrypoint_names_is_the_cause(line: str, code: str) -> None:
    told = service_failure(Service.LITELLM, "looping", DIED, log_of(Service.LITELLM, [mark(f"error: {line}")]))
    assert told.code == code
    assert line in told.message


def test_a_password_that_is_refused_is_the_cause_of_a_migration_that_fails_by_it() -> None:
    log = ["Error: P1000: Authentication failed", mark("error: a migration of LiteLLM's database failed: P1000: it is")]
    assert service_failure(Service.LITELLM, "looping", DIED, log_of(Service.LITELLM, log)).code == "database-password"


def test_a_failed_initialisation_is_told_until_one_has_succeeded() -> None:
    log = ["creating configuration files ... ok", "docker-entrypoint: /docker-entrypoint-initdb.d/900-databases.sh"]
    assert (
        service_failure(Service.TIMESCALEDB, "looping", DIED, log_of(Service.TIMESCALEDB, log)).code
        == "database-init-failed"
    )
    done = [*log, "PostgreSQL init process complete; ready for start up."]
    assert (
        service_failure(Service.TIMESCALEDB, "looping", DIED, log_of(Service.TIMESCALEDB, done)).code
        == "container-looping"
    )


def test_an_unhealthy_proxy_names_the_level_it_does_not_reach() -> None:
    unhealthy = ServiceState(phase=Phase.UNHEALTHY, id="a", health_output="no answer")
    level = first_failing_stage(ProbeStages(answer=200, database="Not connected", uses_database=True))
    told = service_failure(Service.LITELLM, "unhealthy", unhealthy, NOTHING, level=level)
    assert (told.code, told.facts["level"]) == ("container-unhealthy", "database")
    assert "Not connected" in told.message


@pytest.mark.parametrize(
    ("levels", "level"),
    [
        (ProbeStages(running=False), "running"),
        (ProbeStages(answer=0), "answering"),
        (ProbeStages(answer=503), "answering"),
        (ProbeStages(answer=200, uses_database=True, database="Not connected"), "database"),
        (ProbeStages(answer=200, uses_database=True, database="connected", models=0), "models"),
        (ProbeStages(answer=200, database="Not connected", models=3), ""),
        (ProbeStages(answer=200, uses_database=True, database="connected", models=3), ""),
        (ProbeStages(), ""),
    ],
)
def test_the_first_level_that_fails_is_the_one_to_tell(levels: ProbeStages, level: str) -> None:
    assert first_failing_stage(levels)[0] == level
    assert bool(first_failing_stage(levels)[1]) == bool(level)


def test_a_signal_is_named() -> None:
    killed = ServiceState(phase=Phase.EXITED, exit_code=137)
    assert "137, SIGKILL" in service_failure(Service.LITELLM, "died", killed, NOTHING).message


def test_a_timeout_in_a_migration_says_so() -> None:
    waiting = [(Service.LITELLM, ServiceState(phase=Phase.STARTING))]
    told = start_timeout(60, waiting, log=log_of(Service.LITELLM, [mark("migrating the database")]))
    assert (told.code, told.exit_code, told.retryable) == ("database-migration-timeout", 7, True)
    done = start_timeout(
        60, waiting, log=log_of(Service.LITELLM, map(mark, ("migrating the database", "database migrated")))
    )
    assert done.code == "start-timeout"


def test_a_timeout_says_what_is_waited_for() -> None:
    told = start_timeout(60, [(Service.LITELLM, ServiceState(phase=Phase.STARTING))])
    assert (told.code, told.exit_code, told.retryable) == ("start-timeout", 7, True)
    assert told.message == "Not healthy within 60 s: litellm is still starting."
    assert "does not answer" in start_timeout(60, [], lost="The Docker engine does not answer.").message
