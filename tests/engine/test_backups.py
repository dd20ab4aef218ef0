"""Backups that can always be restored: everything a server holds comes back, and nothing of a backup's is obeyed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from .instance import docker, psql_script

if TYPE_CHECKING:
    from .instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600)]

STRANGE = ["my.db", "2024data", "größe", "a=b /../'\"x", "mine_restoring"]

FILL = r"""
CREATE ROLE readers NOLOGIN;
CREATE ROLE alice LOGIN PASSWORD 'a fake password';
GRANT readers, pg_read_all_stats TO alice;
CREATE DATABASE "my.db" OWNER alice TEMPLATE template0; -- without TimescaleDB, as the two with TEMPLATE below
CREATE DATABASE "2024data" ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE "a=b /../'""x";
CREATE DATABASE mine_restoring TEMPLATE template0;
CREATE DATABASE "größe";
COMMENT ON DATABASE "größe" IS 'how large';
ALTER DATABASE "größe" SET search_path = ext, public;
ALTER DATABASE "größe" SET standard_conforming_strings = off;
REVOKE CONNECT ON DATABASE "größe" FROM PUBLIC;
GRANT CONNECT ON DATABASE "größe" TO alice;
\connect "größe"
CREATE SCHEMA ext AUTHORIZATION run_claude; -- what the superuser owns does not come back as the superuser's
GRANT CREATE ON SCHEMA public TO run_claude;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION dblink;
CREATE EXTENSION pg_stat_statements SCHEMA ext;
SET ROLE run_claude;
CREATE TABLE public."tä'b""le" (x int);
INSERT INTO public."tä'b""le" VALUES (7);
COMMENT ON TABLE public."tä'b""le" IS 'an odd one';
-- What our own queries call, as a user may have it as well.
CREATE FUNCTION ext.format(text, text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'DROP DATABASE litellm' $$;
\connect run_claude
SET ROLE run_claude;
CREATE TABLE samples (time timestamptz NOT NULL, value int);
SELECT create_hypertable('samples', 'time');
INSERT INTO samples SELECT timestamptz '2026-01-10 00:00+00' - i * interval '1 day', i FROM generate_series(0, 99) i;
GRANT SELECT ON samples TO readers WITH GRANT OPTION;
RESET ROLE;
CREATE SCHEMA hers AUTHORIZATION alice;
SET ROLE alice;
CREATE TABLE hers.notes (x int);
INSERT INTO hers.notes VALUES (1), (2);
CREATE MATERIALIZED VIEW hers.few AS SELECT * FROM hers.notes;
CREATE FUNCTION hers.f(a int) RETURNS int LANGUAGE sql AS 'SELECT a';
ALTER DEFAULT PRIVILEGES IN SCHEMA hers GRANT SELECT ON TABLES TO readers;
RESET ROLE;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
SET ROLE run_claude;
SELECT lo_from_bytea(4242, 'a large object');
COMMENT ON LARGE OBJECT 4242 IS 'large';
GRANT SELECT ON LARGE OBJECT 4242 TO alice;
"""

OURS = "('litellm', 'run_claude')"  # their passwords are the instance's, not the backup's
SEEN = [
    ("postgres", r"\l"),
    ("postgres", r"\drds"),
    ("postgres", r"\du"),
    ("postgres", f"SELECT rolname, rolpassword FROM pg_authid WHERE oid >= 16384 AND rolname NOT IN {OURS} ORDER BY 1"),  # noqa: S608
    ("postgres", "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database ORDER BY 1"),
    ("run_claude", r"\dp *.*"),
    ("run_claude", r"\ddp"),
    ("run_claude", r"\dx"),
    ("run_claude", r"\dn"),
    ("run_claude", r"\df hers.*"),
    ("run_claude", r"\d"),
    ("run_claude", r"\lo_list"),
    ("run_claude", "SELECT lo_get(4242), (SELECT count(*) FROM samples), (SELECT count(*) FROM hers.few)"),
    ("größe", r"\dx"),
    ("größe", r"\dn"),
    ("größe", r"\dt+ public.*"),
    ("größe", 'SELECT * FROM public."tä\'b""le"'),
]


_NEXT = "-- the next answer --"


def everything(instance: Instance) -> list[list[str]]:
    """Return what psql shows of it all, by its parts: grants have no order."""
    questions = (f'\\connect "{database}"\n{query}\n;\n\\echo {_NEXT}\n' for database, query in SEEN)
    answers = psql_script(instance, "postgres", "".join(questions)).split(_NEXT)
    assert len(answers) == len(SEEN) + 1
    return [sorted(re.split(r"[|\n]", answer)) for answer in answers]


@pytest.mark.cause("no-data")
def test_all_that_a_server_holds_comes_back_after_it_was_destroyed(instance: Instance) -> None:
    server = instance
    server.run("db", "start")
    psql_script(server, "postgres", FILL)
    before = everything(server)
    server.run("proxy", "stop", "--all")
    gone = server.json("db", "destroy", "--yes-destroy-data")
    volumes = docker("volume", "ls", "-q", "--filter", f"name={server.name}-timescaledb").split()
    assert (volumes, server.phase("timescaledb")) == ([], "absent")
    assert server.json("db", "destroy", "--yes-destroy-data", expect=11)["error"]["code"] == "no-data"
    server.run("db", "start")
    server.run("db", "restore", gone["backup"], "--yes")
    assert everything(server) == before
    owned = r"SELECT count(*) FROM pg_roles WHERE rolname LIKE 'run\_claude\_%'"
    assert psql_script(server, "postgres", owned) == "0", "nobody of the restore is left"
    psql_script(
        server,
        "run_claude",
        "INSERT INTO samples VALUES ('2031-01-01', 1); DELETE FROM samples WHERE time > '2030-01-01'",
    )
    assert set(STRANGE) <= {row["name"] for row in server.json("db", "status")["databases"]}
