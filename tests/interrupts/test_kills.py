"""SIGKILL at any moment: the next command ends where the user wanted to be, and nothing is lost or left.

``RUN_CLAUDE_TEST_KILLS=200`` kills two hundred times; the suite kills each command once. The moments come from a seed,
``RUN_CLAUDE_TEST_SEED``, which a failure names.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests import planted

from .test_interrupts import begin, half_made

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.stand_in, pytest.mark.timeout(7200)]

TIMES = int(os.environ.get("RUN_CLAUDE_TEST_KILLS", "8"))
SEED = int(os.environ.get("RUN_CLAUDE_TEST_SEED", "20261128"))
ROWS = 3000
FILL = f"CREATE TABLE kept AS SELECT i, md5(i::text) AS text FROM generate_series(1, {ROWS}) i"  # noqa: S608 (our own text)

COMMANDS = ("start", "restart", "stop", "backup", "restore", "rotate", "install", "migration")


@dataclass
class Story:
    """What a user does, is killed in, and does again."""

    instance: Instance
    backups: Path
    backup: Path
    durations: dict[str, float] = field(default_factory=dict)
    number: int = 0

    def arguments(self, command: str) -> list[str]:
        """Return the command line."""
        return {
            "start": ["proxy", "start"],
            "restart": ["proxy", "restart"],
            "stop": ["proxy", "stop"],
            "backup": ["db", "backup", str(self.backups / f"{self.number}.tar")],
            "restore": ["db", "restore", str(self.backup), "--yes"],
            "rotate": ["secrets", "rotate", "--database"],
            "install": ["install", "--no-build"],
            "migration": ["install", "--no-build"],
        }[command]

    def prepare(self, command: str, chance: random.Random) -> None:
        """Be where the command has something to do."""
        self.number += 1
        state = self.instance.folder / "state"
        if command == "start" and chance.random() < 0.7:
            self.instance.run("proxy", "stop", *chance.choice([[], ["--with-db"], ["--all"]]))
        if command == "install":
            for path in chance.sample(sorted(self.instance.services.rglob("*.yaml")), 1):
                path.unlink()
        if command == "migration":
            (state / "dep").mkdir(parents=True, exist_ok=True)
            (state / "dep" / ".env").write_text(f"OF_BEFORE_{self.number}=value-{self.number}\n")

    def take(self, command: str) -> float:
        """Run a command to its end; return its duration in seconds."""
        began = time.monotonic()
        self.instance.run(*self.arguments(command))
        return time.monotonic() - began

    def kill(self, command: str, moment: float) -> None:
        """Kill a command at a moment; what it has started ends in its own time."""
        process = begin(self.instance, *self.arguments(command))
        time.sleep(moment)
        process.kill()
        out, err = process.communicate()
        planted.keep(self.instance.secrets())
        planted.check_text(self.arguments(command), out, err)
        assert "Traceback" not in err

    def goes_on(self, command: str) -> None:
        """Run the next command, and find what the user wanted."""
        instance = self.instance
        if command == "stop":
            instance.run("proxy", "stop")
            assert instance.phase("litellm") in ("exited", "absent")
        elif command in ("backup", "restore", "install", "migration"):
            file = self.backups / f"{self.number}.tar"
            file.unlink(missing_ok=True)
            self.take(command)
            if command == "backup":
                assert file.stat().st_size > 10_000
                file.unlink()
        if command == "migration":
            assert f"OF_BEFORE_{self.number}=value-{self.number}" in (instance.config / ".env").read_text()
            assert not (instance.folder / "state" / "dep" / ".env").exists()
        instance.run("proxy", "start")

    def holds(self) -> None:
        """Find everything in its place: the stack healthy, its rows, its password, no temporary file, no secret."""
        instance = self.instance
        assert instance.phase("litellm") == "running healthy"
        assert instance.phase("timescaledb") == "running healthy"
        assert instance.psql("run_claude", "SELECT count(*), sum(i) FROM kept") == f"{ROWS}|{ROWS * (ROWS + 1) // 2}"
        assert instance.sql_by_password("SELECT 1") == "1"
        assert instance.run("proxy", "health").returncode == 0
        ours = "SELECT count(*) FROM pg_database WHERE datname ~ '^run_claude_re'"
        assert instance.sql(ours) == "0", "of a restore"
        assert instance.sql("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'run_claude_restor%'") == "0", (
            "of a restore"
        )
        assert half_made(instance) == []
        assert list(self.backups.iterdir()) == [self.backup]
        planted.check_files(instance.folder)


@pytest.fixture
def story(instance: Instance, tmp_path: Path) -> Story:
    """A healthy stack with rows in it, and a backup of them; each command has been timed."""
    folder = tmp_path / "backups"
    story = Story(instance, folder, folder / "kept.tar")
    instance.run("install")
    instance.run("proxy", "start", "--profile", "demo")
    instance.psql("run_claude", FILL)
    instance.run("db", "backup", str(story.backup))
    story.durations = {command: story.take(command) for command in COMMANDS}
    (folder / "0.tar").unlink()
    return story


def test_a_command_that_is_killed_at_any_moment_is_taken_up_by_the_next(story: Story) -> None:
    chance = random.Random(SEED)  # noqa: S311
    order = [COMMANDS[number % len(COMMANDS)] for number in range(TIMES)]
    chance.shuffle(order)
    for number, command in enumerate(order):
        moment = chance.uniform(0, story.durations[command])
        try:
            story.prepare(command, chance)
            story.kill(command, moment)
            story.goes_on(command)
            story.holds()
        except AssertionError as error:
            error.add_note(f"seed {SEED}, number {number}: {command}, killed after {moment:.3f} s")
            raise
    print(f"{TIMES} kills: {', '.join(order)}")
