"""The database by itself: data is kept, backed up, brought back and counted; only `db destroy` removes it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from .backup_files import rewrite_manifest
from .instance import Instance, docker

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]

FILL = """
CREATE TABLE samples (time timestamptz NOT NULL, value int);
SELECT create_hypertable('samples', 'time', chunk_time_interval => interval '1 day');
INSERT INTO samples SELECT timestamptz '2026-01-10 00:00+00' - i * interval '1 hour', i FROM generate_series(0, 499) i;
CREATE TABLE plain (id serial PRIMARY KEY, text text);
INSERT INTO plain (text) SELECT repeat('x', 100) FROM generate_series(1, 1000);
"""
ROWS = "500|124750|1000"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory, stand_in_release: dict[str, str]) -> Iterator[Instance]:
    """A database with a hypertable and a plain table in it; the proxy does not run."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=stand_in_release)
    try:
        stack.run("db", "start")
        sql(stack, FILL)
        yield stack
    finally:
        stack.remove()


@pytest.fixture(scope="module")
def backup(filled: Instance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of it."""
    file = tmp_path_factory.mktemp("backups") / "backup.tar"
    filled.run("db", "backup", str(file))
    return file


def sql(instance: Instance, statements: str, database: str = "run_claude") -> str:
    return docker(
        *("exec", instance.container("timescaledb"), "psql", "-XqAtU", "postgres", "-d", database, "-c", statements)
    )


def rows(instance: Instance) -> str:
    return sql(instance, "SELECT count(*), sum(value), (SELECT count(*) FROM plain) FROM samples")


def test_stop_of_everything_keeps_the_data(filled: Instance) -> None:
    filled.run("proxy", "stop", "--all")
    assert filled.phase("timescaledb") == "absent"
    assert filled.json("db", "status")["volume"] == f"{filled.name}-timescaledb-data"
    assert filled.json("db", "start")["timescaledb"]["phase"] == "healthy"
    assert filled.phase("litellm") == "absent"
    assert rows(filled) == ROWS


def test_the_proxy_runs_again_after_a_restore_and_start_and_stop_leave_it_alone(filled: Instance, backup: Path) -> None:
    filled.start()
    assert "Stopping the proxy" in filled.run("db", "restore", str(backup), "--yes").stderr
    assert filled.phase("litellm") == "running healthy"
    assert filled.run("proxy", "health").returncode == 0
    filled.run("db", "stop")
    assert (filled.phase("timescaledb"), filled.phase("litellm")) == ("exited", "running healthy")
    intent = filled.folder / "state" / "instances" / filled.name / "intent.json"
    assert json.loads(intent.read_text())["database"] is False, "a watcher must not start it again"
    filled.run("db", "start")
    assert json.loads(intent.read_text())["database"] is True
    filled.run("proxy", "stop")


def test_status_counts_tables_and_names_the_newest_row(filled: Instance) -> None:
    found = filled.json("db", "status")
    assert found["version"].startswith("1")
    tables = {table["table"]: table for table in found["tables"]}
    assert (tables["samples"]["rows"], tables["samples"]["newest"]) == (500, "2026-01-10T00:00:00")
    assert tables["plain"]["rows"] == 1000
    assert {row["name"] for row in found["databases"]} >= {"litellm", "run_claude"}
    assert "2026-01-10 00:00:00" in filled.run("db", "status").stdout


@pytest.mark.cause("usage-not-kept")
def test_usage_of_a_litellm_that_never_had_the_database_is_not_kept(filled: Instance) -> None:
    assert filled.json("usage", expect=11)["error"]["code"] == "usage-not-kept"


def test_a_backup_is_private_and_restores_with_all_its_rows(filled: Instance, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    filled.run("db", "backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    sql(filled, "DELETE FROM plain")
    sql(filled, "DROP TABLE samples")
    sql(filled, "CREATE TABLE newer ()")
    with another_salt_key(filled) as key:
        restored = filled.run("db", "restore", str(file), "--yes")
    assert "1500 rows" in restored.stdout
    assert rows(filled) == ROWS
    assert sql(filled, "SELECT count(*) FROM pg_tables WHERE tablename = 'newer'") == "0"
    sql(filled, "INSERT INTO samples VALUES ('2030-01-01', 1); DELETE FROM samples WHERE time > '2029-01-01'")
    assert int(sql(filled, "SELECT num_chunks FROM timescaledb_information.hypertables")) > 20
    assert left_of_restores(filled) == 0
    # It was written with the key that was deployed then: said before anything is replaced, and restored.
    printed = restored.stderr
    assert "another LITELLM_SALT_KEY" in printed
    assert printed.index("LITELLM_SALT_KEY") < printed.index("Replacing the databases")
    assert key not in printed


@contextmanager
def another_salt_key(stack: Instance) -> Iterator[str]:
    """Have the proxy deployed with another key; yield its own."""
    deployed = next((stack.folder / "state").rglob("litellm.json"))
    kept, env = deployed.read_text(), (stack.config / ".env").read_text()
    key = next(line.partition("=")[2] for line in env.splitlines() if line.startswith("LITELLM_SALT_KEY="))
    assert key in kept
    deployed.write_text(kept.replace(key, "sk-another-0123456789"))
    try:
        yield key
    finally:
        deployed.write_text(kept)


def left_of_restores(stack: Instance) -> int:
    return int(sql(stack, "SELECT count(*) FROM pg_database WHERE datname LIKE 'run_claude_re%'"))


def test_a_backup_waits_for_no_lock_and_a_restore_only_before_it_swaps(filled: Instance, tmp_path: Path) -> None:
    file = tmp_path / "b.tar"
    with (filled.folder / "state" / "instances" / filled.name / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        filled.run("db", "backup", str(file), "--verify")
        filled.extra["RUN_CLAUDE_LOCK_TIMEOUT"] = "0.2"
        try:
            busy = filled.run("db", "restore", str(file), "--yes", expect=9)
        finally:
            del filled.extra["RUN_CLAUDE_LOCK_TIMEOUT"]
        assert "Restoring owners and grants" in busy.stderr, "it was ready to swap"
    assert "LITELLM_SALT_KEY" not in busy.stderr, "it is the one of the backup"
    assert left_of_restores(filled) == 0
    assert rows(filled) == ROWS


@pytest.mark.cause("backup-invalid")
@pytest.mark.parametrize("damage", ["cut off", "changed", "foreign", "empty", "another tar"])
def test_a_file_that_is_no_whole_backup_is_refused_and_nothing_changes(
    filled: Instance, backup: Path, tmp_path: Path, damage: str
) -> None:
    file, content = tmp_path / "backup.tar", backup.read_bytes()
    match damage:
        case "cut off":
            file.write_bytes(content[: len(content) // 2])
        case "changed":
            middle = content.index(b"PGDMP", 4000) + 5000
            file.write_bytes(content[:middle] + b"damaged!" + content[middle + 8 :])
        case "foreign":
            file.write_bytes(b"PGDMP" + os.urandom(5000))
        case "empty":
            file.write_bytes(b"")
        case _:
            with tarfile.open(file, "w") as tar:
                tar.add(__file__, "litellm.dump")
    failed = filled.json("db", "restore", str(file), "--yes", expect=11)
    assert failed["error"]["code"] == "backup-invalid"
    assert rows(filled) == ROWS


@pytest.mark.cause("restore-failed")
def test_a_restore_that_fails_leaves_the_old_data_in_place(filled: Instance, backup: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    shutil.copy(backup, file)
    rewrite_manifest(file, lambda row: row["parts"][-1]["tables"].update({"public.plain": 999}))
    failed = filled.json("db", "restore", str(file), "--yes", expect=11)
    assert failed["error"]["code"] == "restore-failed"
    assert "public.plain" in failed["error"]["message"]
    rewrite_manifest(file, lambda row: row["parts"][-1].update(timescaledb="1.0.0"))
    assert filled.json("db", "restore", str(file), "--yes", expect=11)["error"]["code"] == "restore-failed"
    assert rows(filled) == ROWS
    assert left_of_restores(filled) == 0


@pytest.mark.quiet
def test_an_interrupted_backup_leaves_no_file(filled: Instance, tmp_path: Path) -> None:
    text = "string_agg(md5(random()::text), '')"
    sql(
        filled,
        f"CREATE TABLE large AS SELECT i, {text} FROM generate_series(1, 40000) i, generate_series(1, 20) GROUP BY i",  # noqa: S608
    )
    try:
        folder = tmp_path / "backups"
        command = filled.start_command("db", "backup", str(folder / "b.tar"))
        assert command.stderr is not None
        assert any("Backing up run_claude" in line for line in command.stderr)
        until = time.monotonic() + 20
        while not any(path.stat().st_size > 100_000 for path in folder.glob(".*.tmp")) and time.monotonic() < until:
            time.sleep(0.005)
        command.send_signal(signal.SIGINT)
        command.wait(timeout=2)
        assert filled.finish(command).returncode == 130
        assert list(folder.iterdir()) == []
        until = time.monotonic() + 10
        while "pg_dump" in docker("top", filled.container("timescaledb"), "-eo", "pid,args"):
            assert time.monotonic() < until, "it goes on in the container"
    finally:
        sql(filled, "DROP TABLE large")


@pytest.mark.cause("backup-failed")
def test_a_backup_that_cannot_be_written_says_why(filled: Instance) -> None:
    failed = filled.json("db", "backup", "/proc/backup.tar", expect=11)
    assert failed["error"]["code"] == "backup-failed"


def test_a_backup_replaces_no_file(filled: Instance, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    assert filled.json("db", "backup", str(tmp_path / "mine"), expect=3)["error"]["code"] == "file-exists"


@pytest.mark.cause("query-failed")
def test_a_database_that_refuses_is_quoted(filled: Instance) -> None:
    sql(filled, "ALTER ROLE postgres IN DATABASE run_claude SET role = 'pg_monitor'", "postgres")
    try:
        failed = filled.json("db", "status", expect=11)["error"]
        assert (failed["code"], "permission denied" in failed["message"]) == ("query-failed", True)
    finally:
        sql(filled, "ALTER ROLE postgres IN DATABASE run_claude RESET role", "postgres")


def test_psql_gets_standard_input_and_options_and_gives_its_exit_code(filled: Instance) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "run_claude", "db", "shell", "--", "-At"],
        input="SELECT count(*) FROM plain;",
        env=filled.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip() == "1000"
    assert filled.run("db", "shell", "--", "-c", "nonsense", expect=1).stderr.startswith("ERROR")
    assert filled.run("db", "shell", "-d", "litellm", "--", "-Atc", "SELECT current_database()").stdout == "litellm\n"


def test_psql_gets_the_terminal(filled: Instance) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "run_claude", "db", "shell"], filled.environment)  # noqa: S606
    seen = read_until(terminal, b"run_claude=#")
    os.write(terminal, b"SELECT 40 + 2;\n")
    seen += read_until(terminal, b"(1 row)")
    assert b"42" in seen
    os.write(terminal, b"SELECT pg_sleep(60);\n")
    time.sleep(0.5)
    os.write(terminal, b"\x03")  # Ctrl-C is psql's: it ends the query, and not the session
    read_until(terminal, b"canceling statement")
    os.write(terminal, b"\\q\n")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def read_until(terminal: int, wanted: bytes) -> bytes:
    seen, until = b"", time.monotonic() + 30
    while wanted not in seen:
        assert time.monotonic() < until, seen
        if select.select([terminal], [], [], 0.2)[0]:
            seen += os.read(terminal, 65536)
    return seen


@pytest.mark.cause("not-a-terminal")
def test_destroy_asks_and_without_a_terminal_it_refuses(filled: Instance) -> None:
    refused = filled.run("db", "destroy", expect=2)
    assert "--yes-destroy-data" in refused.stderr
    assert "1500 rows" in refused.stderr
    assert "2026-01-10 00:00:00" in refused.stderr
    assert rows(filled) == ROWS


@pytest.mark.cause("not-confirmed")
def test_destroy_wants_the_very_name_of_the_instance(filled: Instance) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(sys.executable, [sys.executable, "-m", "run_claude", "db", "destroy"], filled.environment)  # noqa: S606
    read_until(terminal, b"to go on:")
    os.write(terminal, b"yes\n")
    read_until(terminal, b"Not confirmed")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 11
    assert rows(filled) == ROWS


@pytest.mark.parametrize("command", [("backup", "b.tar"), ("shell",)])
def test_without_a_running_database_the_help_says_how_to_start_it(instance: Instance, command: tuple[str, ...]) -> None:
    failed = instance.run("db", *command, expect=11)
    assert "run-claude db start" in failed.stderr
