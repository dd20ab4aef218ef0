"""The database with least rights: who owns what, who comes in, and what somebody's backup may do: nothing."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from dotenv import dotenv_values

from run_claude.config.database_roles import litellm_password
from run_claude.database.around import genuine_sql
from run_claude.stack.takeover import roles_script

from .backup_files import PLACE, plant, rewrite_manifest
from .instance import Instance, docker, free_port, psql_script

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]

PASSWORD = 'of an $older "release"'
OWNED = "/tmp/owned"  # in the container: what the superuser's programs would leave
RUNS = f"COPY (SELECT 1) TO PROGRAM 'touch {OWNED}'"

# As a release from before the roles has left a volume: the superuser owns and does everything.
OLD = r"""
CREATE DATABASE litellm TEMPLATE template0;
CREATE DATABASE run_claude;
CREATE ROLE alice LOGIN;
GRANT pg_execute_server_program TO alice;
\connect litellm
CREATE TYPE "Role" AS ENUM ('a', 'b');
CREATE TABLE "LiteLLM_Table" (id serial PRIMARY KEY, role "Role", n int GENERATED ALWAYS AS IDENTITY);
INSERT INTO "LiteLLM_Table" (role) VALUES ('a'), ('b');
CREATE TABLE _prisma_migrations (id text);
CREATE VIEW seen AS SELECT id FROM "LiteLLM_Table";
CREATE MATERIALIZED VIEW kept AS SELECT id FROM "LiteLLM_Table";
CREATE FUNCTION f(a int, "b c" text) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE SCHEMA "odd "" name";
CREATE TABLE "odd "" name"."t'" (a int);
SELECT lo_from_bytea(4242, 'large');
\connect run_claude
CREATE TABLE samples (time timestamptz NOT NULL, value int);
SELECT create_hypertable('samples', 'time');
INSERT INTO samples SELECT timestamptz '2026-01-10 00:00+00' - i * interval '1 day', i FROM generate_series(0, 99) i;
CREATE PROCEDURE job(id int, config jsonb) LANGUAGE sql AS 'SELECT 1';
INSERT INTO _timescaledb_config.bgw_job (application_name, schedule_interval, max_runtime, max_retries, retry_period,
  proc_schema, proc_name, owner, scheduled)
VALUES ('mine', '1h', '0', -1, '1h', 'public', 'job', 'postgres', false);
"""

# What belongs to a superuser, or to anybody who may run programs, and to no extension.
POWERFUL = """
SELECT class::regclass || ' ' || pg_describe_object(class, id, 0)
FROM (SELECT 'pg_class'::regclass::oid AS class, oid AS id, relowner AS owner FROM pg_class
  UNION ALL SELECT 'pg_proc'::regclass, oid, proowner FROM pg_proc
  UNION ALL SELECT 'pg_type'::regclass, oid, typowner FROM pg_type WHERE typelem = 0
  UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner FROM pg_namespace WHERE nspname !~ '^(pg_|information)'
  UNION ALL SELECT 'pg_largeobject'::regclass, oid, lomowner FROM pg_largeobject_metadata) o
WHERE id >= 16384 AND pg_has_role(owner, 'pg_execute_server_program', 'USAGE')
  AND pg_describe_object(class, id, 0) !~ '_timescaledb_|pg_toast'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = class AND d.objid = id AND d.deptype IN ('e', 'i'))
"""

ODD = f'"\\! touch {OWNED}"'  # a table's name that psql would take for a command

SLEEPER = """
CREATE FUNCTION public.sleeper(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE {} AS $$ BEGIN
  IF pg_has_role(current_user, 'pg_execute_server_program', 'USAGE') THEN
    COPY (SELECT 1) TO PROGRAM 'touch /tmp/owned';
  END IF;
  RETURN a; END $$;
"""


def powerful(instance: Instance) -> dict[str, list[str]]:
    return {name: psql_script(instance, name, POWERFUL).splitlines() for name in ("litellm", "run_claude")}


def everything(instance: Instance) -> str:
    """Return the digest of all rows, roles, grants and definitions."""
    dumped = docker("exec", instance.container("timescaledb"), "pg_dumpall", "-U", "postgres")
    lines = [line for line in dumped.splitlines() if not line.startswith(("\\restrict", "\\unrestrict"))]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def owned(instance: Instance) -> bool:
    return bool(docker("exec", instance.container("timescaledb"), "sh", "-c", f"ls {OWNED} 2>/dev/null || true"))


def address(instance: Instance) -> str:
    networks = instance.inspect("timescaledb")["NetworkSettings"]["Networks"]
    return str(next(iter(networks.values()))["IPAddress"])


def starts(instance: Instance) -> int:
    """Return how often the container's server was ready, in this run of it."""
    since = instance.inspect("timescaledb")["State"]["StartedAt"]
    command = ["docker", "logs", "--since", since, instance.container("timescaledb")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return (done.stdout + done.stderr).count("database system is ready to accept connections")


def password_of(instance: Instance) -> str:
    """Return the password of `run_claude` and of the superuser, which a test of this module changes."""
    return str(dotenv_values(instance.config / ".env", interpolate=False)["RUN_CLAUDE_TIMESCALEDB_PASSWORD"])


def bare_server(instance: Instance) -> str:
    """Start the image on the instance's volume as a release from before the roles does; return its container."""
    name = f"{instance.name}-older"
    docker(
        *("run", "--detach", "--name", name, "--label", f"com.docker.compose.project={instance.name}"),
        *("--volume", f"{instance.name}-timescaledb-data:/var/lib/postgresql/data", "-e", "POSTGRES_PASSWORD"),
        instance.environment["RUN_CLAUDE_TIMESCALEDB_IMAGE"],
        environ={"POSTGRES_PASSWORD": PASSWORD},
    )
    end = time.monotonic() + 120
    while docker("exec", name, "pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", check=False) or not docker(
        "exec", name, "sh", "-c", "pg_isready -q -h 127.0.0.1 -U postgres && echo yes", check=False
    ):
        assert time.monotonic() < end
    return name


@pytest.fixture(scope="module")
def adopted(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Iterator[Instance]:
    """A database that an older release has made and that this one has started; the proxy does not run."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=stand_in_release)
    try:
        label = f"com.docker.compose.project={stack.name}"
        volume = "com.docker.compose.volume=timescaledb-data"
        docker("volume", "create", "--label", label, "--label", volume, f"{stack.name}-timescaledb-data")
        old = bare_server(stack)
        command = ["docker", "exec", "-i", old, "psql", "-XqU", "postgres", "-v", "ON_ERROR_STOP=1"]
        subprocess.run(command, input=OLD, text=True, check=True, capture_output=True)
        docker("stop", old)
        docker("rm", old)
        stack.config.mkdir(parents=True)
        master = "LITELLM_MASTER_KEY=sk-0123456789abcdef0123456789abcdef\n"
        (stack.config / ".env").write_text(f"{master}RUN_CLAUDE_TIMESCALEDB_PASSWORD='{PASSWORD}'\n")
        stack.run("db", "start")
        yield stack
    finally:
        stack.remove()


# --- who owns what ---------------------------------------------------------------------------------------------------


def test_each_database_of_an_older_volume_belongs_to_its_role(adopted: Instance) -> None:
    assert powerful(adopted) == {"litellm": [], "run_claude": []}
    owners = "SELECT string_agg(datname || ' ' || datdba::regrole, ',' ORDER BY 1) FROM pg_database WHERE datdba <> 10"
    assert adopted.sql(owners) == "litellm litellm,run_claude run_claude"
    assert adopted.psql("run_claude", "SELECT owner FROM _timescaledb_config.bgw_job WHERE proc_name = 'job'") == (
        "run_claude"
    )
    assert adopted.psql("litellm", 'SELECT count(*) FROM "LiteLLM_Table"') == "2"
    assert adopted.psql("run_claude", "SELECT count(*) FROM samples") == "100"


def test_a_migration_runs_as_litellms_role(adopted: Instance) -> None:
    migration = """
ALTER TYPE "Role" ADD VALUE 'c'; ALTER TABLE "LiteLLM_Table" ADD COLUMN more text; DROP VIEW seen; DROP FUNCTION f;
CREATE TABLE added (); DROP TABLE added, "odd "" name"."t'"; REFRESH MATERIALIZED VIEW kept; SELECT current_user;
"""
    assert as_litellm(adopted, migration) == "litellm"
    psql_script(
        adopted, "litellm", 'CREATE TABLE "odd "" name"."t\'" (); ALTER TABLE "odd "" name"."t\'" OWNER TO litellm'
    )


def as_litellm(instance: Instance, sql: str, *, database: str = "litellm", check: bool = True) -> str:
    password = litellm_password(password_of(instance))
    return instance.sql_by_password(sql, role="litellm", database=database, password=password, check=check)


def test_a_hypertable_belongs_to_its_role_with_all_its_chunks(adopted: Instance) -> None:
    work = "INSERT INTO samples VALUES ('2020-01-01', 1); DELETE FROM samples WHERE time = '2020-01-01'; SELECT 1"
    assert adopted.sql_by_password(work, password=password_of(adopted)) == "1"


def test_what_is_right_is_not_made_again(adopted: Instance) -> None:
    docker("restart", adopted.container("timescaledb"))
    adopted.run("db", "start")
    assert starts(adopted) == 1


# --- who comes in ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "database", "whose"),
    [
        ("postgres", "postgres", "run_claude"),
        ("litellm", "litellm", "run_claude"),
        ("run_claude", "run_claude", "litellm"),
        ("litellm", "run_claude", "litellm"),
        ("litellm", "postgres", "litellm"),
        ("litellm", "template1", "litellm"),
        ("run_claude", "litellm", "run_claude"),
        ("run_claude", "postgres", "run_claude"),
    ],
)
def test_over_the_network_no_superuser_comes_in_and_nobody_into_anothers_database(
    adopted: Instance, role: str, database: str, whose: str
) -> None:
    password = password_of(adopted) if whose == "run_claude" else litellm_password(password_of(adopted))
    assert adopted.sql_by_password("SELECT 1", role=role, database=database, password=password, check=False) == ""


def test_the_grants_say_so_too(adopted: Instance) -> None:
    """Where somebody brings rules of their own (`pg_hba.conf`)."""
    may = """SELECT string_agg(rolname || ' ' || datname, ',' ORDER BY 1) FROM pg_roles, pg_database
WHERE rolname IN ('litellm', 'run_claude') AND has_database_privilege(rolname, datname, 'CONNECT') AND datallowconn"""
    assert adopted.sql(may) == "litellm litellm,run_claude run_claude"
    members = "SELECT count(*) FROM pg_auth_members WHERE pg_get_userbyid(member) IN ('litellm', 'run_claude')"
    assert adopted.sql(members) == "0"


def test_litellms_role_reaches_no_program_no_file_and_no_role(adopted: Instance) -> None:
    statements = (
        RUNS,
        "SELECT pg_read_file('/etc/passwd')",
        "CREATE ROLE another",
        "ALTER ROLE litellm SUPERUSER",
        "SET ROLE postgres",
        "SET ROLE run_claude",
        "CREATE EXTENSION dblink",
        "SELECT lo_export(4242, '/tmp/x')",
        "ALTER DATABASE run_claude OWNER TO litellm",
    )
    refused = "".join(
        f"DO $do$ BEGIN EXECUTE $s${statement}$s$; RAISE EXCEPTION 'it worked';"
        " EXCEPTION WHEN insufficient_privilege THEN NULL; END $do$;"
        for statement in statements
    )
    assert as_litellm(adopted, f"{refused} SELECT 'all refused'") == "all refused"
    assert as_litellm(adopted, "CREATE DATABASE another", check=False) == ""
    assert adopted.sql("SELECT count(*) FROM pg_database WHERE datname = 'another'") == "0"
    assert not owned(adopted)


def test_litellms_container_does_not_hold_the_superusers_password(adopted: Instance) -> None:
    adopted.run("proxy", "start", "--profile", "demo")
    for path in (adopted.folder / "state").rglob("litellm.json"):
        assert password_of(adopted) not in path.read_text()
    assert "published" not in adopted.json("proxy", "status")["services"]["timescaledb"]
    assert not adopted.inspect("timescaledb")["HostConfig"]["PortBindings"]
    adopted.run("proxy", "stop")


def test_a_port_that_was_asked_for_is_published_on_its_own_address(adopted: Instance) -> None:
    port = free_port()
    adopted.extra = {"RUN_CLAUDE_BIND": "0.0.0.0", "RUN_CLAUDE_TIMESCALEDB_PORT": str(port)}  # noqa: S104 (a test of it)
    try:
        started = adopted.run("proxy", "start", "--profile", "demo")
        assert "note: litellm listens on 0.0.0.0" in started.stderr
        status = adopted.json("proxy", "status")
        assert status["services"]["timescaledb"]["published"] == f"127.0.0.1:{port}"
        assert [words.split()[0] for words in status["exposed"]] == ["litellm"]
        findings = adopted.json("doctor", expect=None)["findings"]
        assert any("litellm listens on 0.0.0.0" in finding["text"] for finding in findings)
        bound = adopted.inspect("timescaledb")["HostConfig"]["PortBindings"]["5432/tcp"]
        assert bound == [{"HostIp": "127.0.0.1", "HostPort": str(port)}]
    finally:
        adopted.extra = {}
    adopted.run("proxy", "start", "--profile", "demo", "--db-port", "off")
    assert not adopted.inspect("timescaledb")["HostConfig"]["PortBindings"]
    adopted.run("proxy", "stop")


# --- an older release again -------------------------------------------------------------------------------------------


def test_an_older_release_finds_its_superuser_and_what_it_makes_is_handed_over_after_it(adopted: Instance) -> None:
    adopted.run("proxy", "stop", "--all")
    old = bare_server(adopted)
    ask = f"psql -XqAtU postgres -h $(hostname -i) -d litellm -c 'CREATE TABLE of_older (); SELECT 1'"  # noqa: F541
    environ = {"PGPASSWORD": password_of(adopted)}
    assert docker("exec", "-e", "PGPASSWORD", old, "sh", "-c", ask, environ=environ) == "1"
    docker("exec", old, "sh", "-c", "sleep 0.1; echo >$PGDATA/run-claude.note")  # as it does at each start
    docker("stop", old)
    docker("rm", old)
    adopted.run("db", "start")
    assert powerful(adopted)["litellm"] == []
    assert as_litellm(adopted, "DROP TABLE of_older; SELECT 1") == "1"


# --- somebody's backup ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def backup(adopted: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("backups") / "b.tar"
    psql_script(adopted, "run_claude", PLACE)
    adopted.run("db", "backup", str(file))
    psql_script(adopted, "run_claude", "DROP FUNCTION public.place()")
    return file


FUNCTION = f"LANGUAGE plpgsql AS $f$ BEGIN {RUNS}; RETURN NULL; END $f$"
JOBS = "_timescaledb_config.bgw_job"

# Each of them alone ends a restore with what PostgreSQL says of it.
REFUSED = [
    RUNS,
    "SELECT public.own()",
    "CREATE MATERIALIZED VIEW public.m AS SELECT public.own()",
    "CREATE TABLE public.t AS TABLE public.v",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.event()",
    "CREATE FUNCTION public.c() RETURNS int LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler'",
    "CREATE EXTENSION file_fdw SCHEMA public",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE litellm PASSWORD NULL",
    "GRANT pg_execute_server_program TO CURRENT_USER",
    "SET ROLE postgres",
    "SET SESSION AUTHORIZATION postgres",
    "ALTER FUNCTION public.own() OWNER TO postgres",
    f"CREATE TRIGGER t BEFORE UPDATE ON {JOBS} FOR EACH ROW EXECUTE FUNCTION public.fires()",
    f"CREATE RULE r AS ON UPDATE TO {JOBS} DO ALSO SELECT public.own()",
    "CREATE OR REPLACE FUNCTION public.timescaledb_post_restore() RETURNS bool LANGUAGE sql AS 'SELECT true'",
    "CREATE FUNCTION _timescaledb_functions.own() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ALTER DATABASE litellm OWNER TO CURRENT_USER",
    "SELECT pg_read_file('/etc/passwd')",
]


def attempts() -> str:
    """Return SQL that tries each of them, and ends with an error that names those that worked."""
    made = f"""
CREATE FUNCTION public.own() RETURNS int {FUNCTION};
CREATE FUNCTION public.event() RETURNS event_trigger {FUNCTION.replace(" RETURN NULL;", "")};
CREATE FUNCTION public.fires() RETURNS trigger {FUNCTION};
CREATE VIEW public.v AS SELECT public.own();
"""
    listed = ", ".join(f"$s${statement}$s$" for statement in REFUSED)
    return f"""{made}
DO $do$ DECLARE s text; worked text := ''; refused int := 0; BEGIN
  FOREACH s IN ARRAY ARRAY[{listed}] LOOP
    BEGIN EXECUTE s; worked := worked || s || '; ';
    EXCEPTION WHEN insufficient_privilege THEN refused := refused + 1; END;
  END LOOP;
  RAISE EXCEPTION 'refused %, worked (%)', refused, worked;
END $do$;
"""


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        pytest.param(f"{RUNS};", "permission denied to COPY to or from an external program", id="one"),
        pytest.param(attempts(), f"refused {len(REFUSED)}, worked ()", id="all"),
        pytest.param("DROP EXTENSION timescaledb CASCADE;", "_timescaledb", id="without TimescaleDB"),
    ],
)
def test_what_only_a_superuser_may_is_refused_and_nothing_has_changed(
    adopted: Instance, backup: Path, tmp_path: Path, sql: str, said: str
) -> None:
    before = everything(adopted)
    file = tmp_path / "b.tar"
    shutil.copy(backup, file)
    role = {"role": "mallory", "login": True, "inherit": True, "createdb": False, "limit": -1, "superuser": True}
    rewrite_manifest(file, lambda row: row["roles"].append(role | {"verifier": "", "member_of": ["postgres"]}))
    plant(file, "run_claude", sql)
    failed = adopted.json("db", "restore", str(file), "--yes", expect=11)["error"]
    assert failed["code"] == "restore-failed"
    assert said in failed["message"]
    assert ("--as-superuser" in failed["help"]) is ("permission denied" in said)
    assert not owned(adopted)
    assert everything(adopted) == before


def test_a_timescaledb_that_is_none_is_not_called_as_the_superuser(adopted: Instance) -> None:
    psql_script(adopted, "postgres", "CREATE DATABASE trojan TEMPLATE template0")
    try:
        names = ("_timescaledb_functions.start_background_workers", "public.timescaledb_post_restore")
        made = "".join(f"CREATE FUNCTION {name}() RETURNS bool LANGUAGE sql AS 'SELECT true';" for name in names)
        psql_script(adopted, "trojan", f"CREATE SCHEMA _timescaledb_functions; {made}")
        with pytest.raises(AssertionError, match="it changes TimescaleDB itself"):
            psql_script(adopted, "trojan", genuine_sql())
        psql_script(adopted, "run_claude", genuine_sql())
    finally:
        psql_script(adopted, "postgres", "DROP DATABASE trojan")


def test_what_is_restored_acts_as_no_superuser_ever_after(adopted: Instance, backup: Path, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    shutil.copy(backup, file)
    plant(
        file,
        "run_claude",
        f"""
{SLEEPER.format("SECURITY DEFINER")}
CREATE FUNCTION public.fires() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
  $$ BEGIN PERFORM public.sleeper(1); RETURN NEW; END $$;
CREATE FUNCTION public.asleep(a int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT public.sleeper(a)';
CREATE TABLE public.{ODD} (a int);
INSERT INTO public.{ODD} SELECT generate_series(1, 100);
CREATE INDEX ON public.{ODD} (public.asleep(a));
CREATE TRIGGER t BEFORE INSERT ON public.{ODD} FOR EACH ROW EXECUTE FUNCTION public.fires();
CREATE VIEW public.v AS SELECT public.sleeper(1);
INSERT INTO {JOBS} (id, application_name, schedule_interval, max_runtime, max_retries, retry_period,
  proc_schema, proc_name, owner, scheduled) VALUES
  (1501, 'theirs', '1s', '0', -1, '1s', 'public', 'sleeper', 'postgres', true),
  (1502, 'theirs', '1s', '0', -1, '1s', 'public', 'sleeper', 'pg_execute_server_program', true);
""",  # noqa: S608 (our own text)
    )
    sleeper = {"type": "function", "names": ["public", "sleeper"], "args": ["integer"]}

    def claim(row: dict[str, Any]) -> None:
        for part in row["parts"]:
            part["around"]["owner"] = "postgres"  # as of an older release
            part["around"]["grants"] = [{"grantee": "", "privilege": "CONNECT", "grantable": False}]
            if part["database"] == "run_claude":
                part["tables"][f"public.{ODD[1:-1]}"] = 100
                part["around"]["owners"] += [
                    sleeper | {"owner": owner} for owner in ("pg_execute_server_program", "alice", "postgres")
                ]

    rewrite_manifest(file, claim)
    assert "job 1501" in adopted.run("db", "restore", str(file), "--yes").stderr
    assert powerful(adopted) == {"litellm": [], "run_claude": []}
    test_the_grants_say_so_too(adopted)
    psql_script(adopted, "run_claude", "VACUUM ANALYZE")
    with pytest.raises(AssertionError, match="permission denied"):
        psql_script(adopted, "run_claude", f"SET ROLE run_claude; {RUNS}")
    psql_script(adopted, "run_claude", f"INSERT INTO {ODD} VALUES (1)")  # noqa: S608 (our own text)
    adopted.run("db", "status")
    adopted.run("db", "backup", str(tmp_path / "again.tar"), "--verify")
    jobs = "SELECT DISTINCT owner FROM _timescaledb_config.bgw_job WHERE id >= 1000"
    assert adopted.psql("run_claude", jobs) == "run_claude"
    assert not owned(adopted)


def test_a_new_password_stays_whatever_makes_the_roles_again(adopted: Instance) -> None:
    """The container knows the file of before until it is started again."""
    old = password_of(adopted)
    adopted.run("secrets", "rotate", "--database")
    new = password_of(adopted)
    make = ["docker", "exec", "-i", adopted.container("timescaledb"), "sh", "-s"]
    subprocess.run(make, input=roles_script(old, keep=True), text=True, check=True, capture_output=True)

    def opens() -> list[str]:
        litellm = adopted.sql_by_password("SELECT 1", role="litellm", password=litellm_password(new))
        return [adopted.sql_by_password("SELECT 1"), litellm]

    assert opens() == ["1", "1"]
    docker("restart", adopted.container("timescaledb"))
    adopted.run("db", "start")
    assert opens() == ["1", "1"]
    assert starts(adopted) == 1
