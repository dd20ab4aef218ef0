"""SIGKILL at any moment: the next command ends where the user wanted to be, and nothing is lost or left.

``RUN_CLAUDE_TEST_KILLS=200`` kills two hundred times; the suite kills each command once. The moments come from a seed,
``RUN_CLAUDE_TEST_SEED``, which a failure names.
"""

from __future__ import annotations

import os
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.config.secrets import read_master_key
from run_claude.config.settings import load_settings
from run_claude.gateway import Gateway
from tests import planted

from .test_interrupts import begin, half_made

if TYPE_CHECKING:
    from pathlib import Path

    from tests.engine.instance import Instance

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.stand_in, pytest.mark.timeout(7200)]

TIMES = int(os.environ.get("RUN_CLAUDE_TEST_KILLS", "8"))
SEED = int(os.environ.get("RUN_CLAUDE_TEST_SEED", "20261128"))
ROWS = 3000
FILL = f"""SET ROLE run_claude;
CREATE TABLE kept AS SELECT i, md5(i::text) AS text FROM generate_series(1, {ROWS}) i"""  # noqa: S608 (our own text)
# The rows, and what a restore works with: other databases and a role of its own.
HELD = """SELECT count(*), sum(i),
(SELECT count(*) FROM pg_database WHERE datname ~ '^run_claude_re'),
(SELECT count(*) FROM pg_roles WHERE rolname LIKE 'run_claude_restor%') FROM kept"""

# What a command takes, by the measure of a backup: to time each of them first would double this test.
COMMANDS = {
    "start": 1.3,
    "restart": 1.3,
    "stop": 0.4,
    "backup": 1.0,
    "restore": 3.5,
    "rotate": 0.6,
    "install": 0.35,
    "migration": 0.35,
}


@dataclass
class Story:
    """What a user does, is killed in, and does again."""

    instance: Instance
    backups: Path
    backup: Path
    backup_took: float  # seconds
    number: int = 0
    cut_off: int = 0  # commands that had not ended when they were killed

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

    def kill(self, command: str, moment: float) -> None:
        """Kill a command at a moment; what it has started ends in its own time."""
        process = begin(self.instance, *self.arguments(command))
        time.sleep(moment)
        self.cut_off += process.poll() is None
        process.kill()
        out, err = process.communicate()
        planted.keep(self.instance.secrets())
        planted.check_text(self.arguments(command), out, err)
        assert "Traceback" not in err

    def goes_on(self, command: str) -> None:
        """Run the next command, and find what the user wanted."""
        instance = self.instance
        if command in ("backup", "restore", "install", "migration"):
            file = self.backups / f"{self.number}.tar"
            file.unlink(missing_ok=True)
            instance.run(*self.arguments(command))
            if command == "backup":
                assert file.stat().st_size > 10_000
                file.unlink()
        if command == "migration":
            assert f"OF_BEFORE_{self.number}=value-{self.number}" in (instance.config / ".env").read_text()
            assert not (instance.folder / "state" / "dep" / ".env").exists()
        if command == "stop":
            instance.run("proxy", "stop")
            assert instance.phase("litellm") in ("exited", "absent")
        instance.run("proxy", "start")

    def holds(self) -> None:
        """Find everything in its place: the stack healthy, its rows, its password, no temporary file, no secret."""
        instance = self.instance
        assert instance.phase("litellm") == "running healthy"
        assert instance.phase("timescaledb") == "running healthy"
        assert instance.sql_by_password(HELD) == f"{ROWS}|{ROWS * (ROWS + 1) // 2}|0|0"
        assert anyio.run(serves, instance)
        assert half_made(instance) == []
        assert list(self.backups.iterdir()) == [self.backup]
        planted.check_files(instance.folder)


async def serves(instance: Instance) -> bool:
    """Whether the proxy is ready, as `proxy health` asks it, and takes the user's key."""
    settings = load_settings(instance.environment)
    async with Gateway.connect(instance.url, read_master_key(settings)) as gateway:
        return (await gateway.readiness()).ready and bool(await gateway.models())


@pytest.fixture
def story(instance: Instance, tmp_path: Path) -> Story:
    """A healthy stack with rows in it, and a backup of them."""
    folder = tmp_path / "backups"
    instance.run("install")
    instance.run("proxy", "start", "--profile", "demo")
    instance.psql("run_claude", FILL)
    began = time.monotonic()
    instance.finish(instance.start_command("db", "backup", str(folder / "kept.tar")))  # as those that are killed
    return Story(instance, folder, folder / "kept.tar", time.monotonic() - began)


def test_a_command_that_is_killed_at_any_moment_is_taken_up_by_the_next(story: Story) -> None:
    chance = random.Random(SEED)  # noqa: S311
    order = [list(COMMANDS)[number % len(COMMANDS)] for number in range(TIMES)]
    chance.shuffle(order)
    for number, command in enumerate(order):
        moment = chance.uniform(0, story.backup_took * COMMANDS[command])
        try:
            story.prepare(command, chance)
            story.kill(command, moment)
            story.goes_on(command)
            story.holds()
        except AssertionError as error:
            error.add_note(f"seed {SEED}, number {number}: {command}, killed after {moment:.3f} s")
            raise
    print(f"{TIMES} kills, {story.cut_off} before the command had ended: {', '.join(order)}")
    assert story.cut_off > 0
