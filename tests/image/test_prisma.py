"""LiteLLM uses its database: by the engines from npm, as any user, without a way out, on a read-only root."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import time
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from run_claude.domain.marks import mark_in

from .project import DEMO, MASTER_KEY, PASSWORD, REPOSITORY, Project, docker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(600)]

DATABASE = {
    "LITELLM_MASTER_KEY": MASTER_KEY,
    "DATABASE_HOST": "timescaledb",
    "DATABASE_USERNAME": "postgres",
    "DATABASE_PASSWORD": PASSWORD,
    "DATABASE_NAME": "litellm",
}
# As run-claude has it, but for the interval: LiteLLM adds up to a minute to it.
RETENTION = {"maximum_spend_logs_retention_period": "30d", "maximum_spend_logs_retention_interval": "1s"}
CONFIG = DEMO | {"general_settings": DEMO["general_settings"] | RETENTION}
# Rows of spend as of some time ago: what is too old goes within a minute, while other tests run.
SPENT = """
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, "startTime", "endTime")
    SELECT 'spent-' || days, 'acompletion', now() - days * interval '1 day', now()
    FROM unnest(ARRAY[0, 29, 31]) AS days;
INSERT INTO "LiteLLM_DailyUserSpend" (id, date, api_key, spend, updated_at)
    VALUES ('spent-31', to_char(now() - interval '31 days', 'YYYY-MM-DD'), 'key', 0.5, now());
"""
# An internal network has no way out; with the default one a forgotten download would succeed and not be seen.
NO_EGRESS = """
networks:
  internal:
    internal: true
"""
CHECKS = REPOSITORY / "tests/image/inside/client.py"
TRAFFIC = (REPOSITORY / "tests/image/inside/traffic.py").read_text()
OBLIGATIONS = [
    node.name
    for node in ast.parse(CHECKS.read_text()).body
    if isinstance(node, ast.AsyncFunctionDef) and node.decorator_list
]


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, services: Path, database_image: str, bases: Mapping[str, str]
) -> Iterator[Project]:
    """A stack whose LiteLLM uses the database, as any user and without a way to the internet."""
    folder = tmp_path_factory.mktemp("database")
    (folder / "no-egress.yaml").write_text(NO_EGRESS)
    project = Project(
        folder=folder, services=services, image=database_image, bases=bases, config=CONFIG, secrets=DATABASE
    )
    project.variables["RUN_CLAUDE_CONTAINER_USER"] = "54321:54321"
    project.files.append(str(folder / "no-egress.yaml"))
    try:
        project.up()
        project.wait_for(project.litellm)
        query(project, SPENT)
        yield project
    finally:
        project.remove()


def query(project: Project, sql: str) -> str:
    return docker("exec", project.timescaledb, "psql", "-U", "postgres", "-d", "litellm", "-tAc", sql).strip()


def inside(project: Project, script: str, *argv: str, check: bool = True) -> str:
    """Run a Python script in LiteLLM's container and return its output."""
    return docker("exec", "--interactive", project.litellm, "python", "-", *argv, stdin=script, check=check)


def of_the_image(project: Project) -> set[str]:
    """Return the migrations that the running container's image has."""
    script = "from boot import migrations as m; print(*(path.name for path in m.folder().iterdir() if path.is_dir()))"
    return set(inside(project, script).split())


def migrations(project: Project) -> set[str]:
    """Return the migrations that are in place."""
    rows = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"
    return set(query(project, rows).split())


def readiness(project: Project) -> dict[str, str]:
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:4444/health/readiness').read().decode())"
    told: dict[str, str] = json.loads(inside(project, ask))
    return told


def said(project: Project) -> list[str]:
    """Return what the entrypoint has said since the container was last started."""
    since = project.inspect(project.litellm)["State"]["StartedAt"]
    log = docker("logs", "--since", since, project.litellm)
    return [text for line in log.splitlines() if (text := mark_in(line, MASTER_KEY)) is not None]


def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Ask until it is so, twice a second: each question is a process in the container, and takes up to 0.5 s of CPU."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"not within {seconds} s"
        time.sleep(0.5)


def engine(project: Project) -> int:
    """Return the query engine's process id in the container; 0 if there is none, and never two."""
    script = 'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = query-engine ] && echo ${p#/proc/}; done; true'
    found = docker("exec", project.litellm, "sh", "-c", script).split()
    assert len(found) <= 1, found
    return int(found[0]) if found else 0


def engine_started(project: Project) -> float:
    """Return when the query engine was started; seconds since the epoch."""
    script = (
        "import os, pathlib, sys, time\n"
        "ticks = pathlib.Path(f'/proc/{sys.argv[1]}/stat').read_text().rpartition(')')[2].split()[19]\n"
        "booted = time.time() - float(pathlib.Path('/proc/uptime').read_text().split()[0])\n"
        "print(booted + int(ticks) / os.sysconf('SC_CLK_TCK'))\n"
    )
    return float(inside(project, script, str(engine(project))))


def time_of(project: Project, line: str) -> float:
    """Return when the entrypoint has said something last; seconds since the epoch."""
    log = docker("logs", "--timestamps", project.litellm).splitlines()
    stamp = next(row.split()[0] for row in reversed(log) if f"run-claude: {line} [" in row)
    return datetime.fromisoformat(stamp).timestamp()


# --- the start ----------------------------------------------------------------------------------------------------


def test_a_new_database_gets_every_migration_without_a_network(stack: Project) -> None:
    assert migrations(stack) == of_the_image(stack)
    assert len(migrations(stack)) > 200
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'LiteLLM_%'"
    assert int(query(stack, tables)) > 90, "once it exited with 0 and nothing was applied"


def test_ready_means_that_the_database_is_used(stack: Project) -> None:
    assert readiness(stack) == {"status": "healthy", "db": "connected"}
    docker("exec", stack.litellm, "test", "-e", "/tmp/run-claude/database")


def test_the_first_start_tells_of_the_migration(stack: Project) -> None:
    assert [line for line in said(stack) if "database" in line] == [
        "database reachable",
        "migrating the database",
        "database migrated",
    ]


def test_with_nothing_to_migrate_no_command_line_is_started_and_the_engine_is_there_before_litellm(
    stack: Project,
) -> None:
    stack.compose("stop", "litellm")
    stack.wait_for(stack.litellm, "die")
    stack.up("litellm")
    stack.wait_for(stack.litellm)
    assert sorted(said(stack)) == ["database reachable", "entrypoint", "litellm imported", "serving"]
    assert engine_started(stack) < time_of(stack, "litellm imported")


def test_the_databases_password_is_in_nothing_that_the_engine_tells(stack: Project) -> None:
    told = docker("logs", stack.litellm) + docker("inspect", stack.litellm) + docker("top", stack.litellm)
    assert PASSWORD not in told
    assert quote(PASSWORD, safe="") not in told


# --- the engine, asked by the Python client -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client_checks(stack: Project) -> dict[str, str]:
    """What each check of the client has to say, after one run of all in the container."""
    told: dict[str, str] = json.loads(inside(stack, CHECKS.read_text()).splitlines()[-1])
    assert set(told) == set(OBLIGATIONS)
    return told


@pytest.mark.parametrize("obligation", OBLIGATIONS)
def test_the_client_gets_what_it_must(client_checks: dict[str, str], obligation: str) -> None:
    assert not client_checks[obligation], client_checks[obligation]


# --- hardship -----------------------------------------------------------------------------------------------------


def works(project: Project) -> bool:
    """Whether a new key can be made and used: what needs the database."""
    return inside(project, TRAFFIC, "keys", "1", check=False).strip().endswith("[200]")


def test_a_hundred_keys_are_made_and_used_at_once_and_leave_room_where_the_database_allows_25(stack: Project) -> None:
    statuses = json.loads(inside(stack, TRAFFIC, "keys", "100").splitlines()[-1])
    assert statuses == [200] * 100
    # The official image tunes itself to 25 connections at its 1 GB of memory; three are the superuser's.
    taken = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    assert int(query(stack, taken)) <= 12


def test_a_model_that_is_stored_in_the_database_is_served_at_once(stack: Project) -> None:
    # Not after the next reading of the database, which is every five minutes.
    assert json.loads(inside(stack, TRAFFIC, "model", "stored-model").splitlines()[-1]) == [200]


def test_an_engine_that_is_killed_under_traffic_is_replaced_and_litellm_goes_on(stack: Project) -> None:
    before, started = engine(stack), stack.inspect(stack.litellm)["State"]["StartedAt"]
    command = ["docker", "exec", "--interactive", stack.litellm]
    done = "/tmp/traffic-done"
    with subprocess.Popen(
        [*command, "python", "-", "until", done], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as traffic:
        assert traffic.stdin and traffic.stdout
        traffic.stdin.write(TRAFFIC)
        traffic.stdin.close()
        assert traffic.stdout.readline() == "begun\n"
        docker("exec", stack.litellm, "sh", "-c", f"kill -9 {before}")
        until(lambda: engine(stack) not in (0, before))
        until(lambda: works(stack))
        docker("exec", stack.litellm, "touch", done)
        statuses = json.loads(traffic.stdout.read().splitlines()[-1])
    assert 0 not in statuses, "every request got an answer"
    assert statuses[-4:] == [200] * 4
    assert stack.inspect(stack.litellm)["State"]["StartedAt"] == started


def test_without_its_database_it_is_not_ready_and_uses_it_again_when_it_is_back(stack: Project) -> None:
    def probe() -> str:
        return docker("exec", stack.litellm, "/app/healthcheck", check=False)

    started = stack.inspect(stack.litellm)["State"]["StartedAt"]
    assert probe() == "ready\n"
    docker("stop", "--signal", "SIGINT", stack.timescaledb)
    until(lambda: not works(stack))
    # LiteLLM believes in its last good answer for 15 s.
    until(lambda: "readiness" in probe())
    stack.up("timescaledb")
    stack.wait_for(stack.timescaledb)
    until(lambda: works(stack))
    until(lambda: probe() == "ready\n")
    assert readiness(stack)["db"] == "connected"
    assert stack.inspect(stack.litellm)["State"]["StartedAt"] == started


# --- retention -----------------------------------------------------------------------------------------------------

# Waits inside the database: a question each time would keep the machine busy.
UNTIL_GONE = """
DO $$ BEGIN
    FOR i IN 1..900 LOOP
        EXIT WHEN NOT EXISTS (SELECT FROM "LiteLLM_SpendLogs" WHERE request_id = 'spent-31');
        PERFORM pg_sleep(0.2);
    END LOOP;
END $$
"""


def test_rows_of_spend_go_when_they_are_too_old_and_the_sums_of_the_days_stay(stack: Project) -> None:
    rows = """SELECT request_id FROM "LiteLLM_SpendLogs" WHERE request_id LIKE 'spent-%' ORDER BY request_id"""
    query(stack, UNTIL_GONE)
    assert query(stack, rows).split() == ["spent-0", "spent-29"]
    assert query(stack, """SELECT spend FROM "LiteLLM_DailyUserSpend" WHERE id = 'spent-31'""") == "0.5"


# --- a volume of an earlier release ---------------------------------------------------------------------------------

EARLIER = "litellm-proxy-extras==0.4.105"  # of LiteLLM 1.105: 18 migrations fewer
WITH_EARLIER = """
import os, subprocess
from pathlib import Path
import entrypoint
from boot import migrations
from boot.database import Database

entrypoint.load_secrets()
database = Database.from_environment()
"""
MIGRATE_TO_EARLIER = """
os.environ.update(migrations.without_password(database.url({})))
deploy = [os.environ["PRISMA_CLI_PATH"], "migrate", "deploy", "--schema=/earlier/schema.prisma"]
subprocess.run(deploy, check=True)
"""
STATE_FOR_EARLIER = "print(database.state(Path('/earlier/migrations')).migrated.value)"
EARLIER_KEY = "sk-of-an-earlier-release"
EARLIER_ROWS = """
INSERT INTO "LiteLLM_TeamTable" (team_id, team_alias) VALUES ('crew', 'Crew');
INSERT INTO "LiteLLM_VerificationToken" (token, team_id, models)
    VALUES (encode(sha256('sk-of-an-earlier-release'), 'hex'), 'crew', ARRAY['demo-opus']);
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, spend, "startTime", "endTime")
    SELECT 'earlier-' || n, 'acompletion', 0.5, now(), now() FROM generate_series(1, 100) AS n;
"""


@pytest.fixture
def earlier(stack: Project, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """LiteLLM's database as the release before has left it, with rows in it; runs a script beside its migrations."""
    download = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*download, "--dest", str(tmp_path), EARLIER], check=True)
    zipfile.ZipFile(next(tmp_path.glob("*.whl"))).extractall(tmp_path)
    options = ("--rm", "--no-deps", "--volume", f"{tmp_path / 'litellm_proxy_extras'}:/earlier:ro")

    def run(script: str) -> str:
        return stack.compose("run", *options, "--entrypoint", "python", "litellm", "-c", WITH_EARLIER + script)

    stack.compose("stop", "litellm")
    docker("exec", stack.timescaledb, "dropdb", "-U", "postgres", "--force", "litellm")
    docker("exec", stack.timescaledb, "createdb", "-U", "postgres", "-O", "litellm", "litellm")
    run(MIGRATE_TO_EARLIER)
    query(stack, EARLIER_ROWS)
    yield run
    query(stack, SPENT)  # as the other tests have it


def test_an_earlier_releases_database_is_migrated_with_all_that_is_in_it_once_nothing_is_in_the_way(
    stack: Project, earlier: Callable[[str], str]
) -> None:
    before = migrations(stack)
    in_the_way = "LiteLLM_LensIngestionKey_pkey"
    query(stack, f'CREATE TABLE "{in_the_way}" (theirs text)')
    stack.up("litellm")
    stack.wait_for(stack.litellm, "die")
    # The whole log: the engine may have started it again meanwhile.
    marks = [mark_in(line, MASTER_KEY) or "" for line in docker("logs", stack.litellm).splitlines()]
    assert [text for text in marks if text.startswith("error: ")][-1] == (
        "error: the migration 20261007000100_lens_ingestion_keys of LiteLLM's database failed:"
        f' relation "{in_the_way}" already exists (42P07)'
    )
    stack.compose("stop", "litellm")
    assert before < migrations(stack), "those before it are in place"
    assert earlier(STATE_FOR_EARLIER).splitlines()[-1] == "completely", "the release before runs on"
    query(stack, f'ALTER TABLE "{in_the_way}" RENAME TO theirs')
    stack.up("litellm")
    stack.wait_for(stack.litellm)
    assert {"migrating the database", "database migrated"} < set(said(stack))
    assert migrations(stack) == of_the_image(stack)
    rows = """SELECT count(*), sum(spend) FROM "LiteLLM_SpendLogs" WHERE request_id LIKE 'earlier-%'"""
    assert query(stack, rows) == "100|50"
    assert inside(stack, TRAFFIC, "key", EARLIER_KEY).splitlines()[-1] == "[200]"
