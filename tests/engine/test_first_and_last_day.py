"""Two stacks in one home, and their end: on a real engine, nothing of them is left that `docker` or `find` shows."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from run_claude.database import verify_file
from tests import runs, stand_in

from .instance import Instance, docker, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]


@pytest.fixture
def home(tmp_path: Path) -> Iterator[tuple[Instance, str]]:
    """A home with the ports in its `.env`, and the name of a second instance of it.

    Its image is one of its own: those of other tests must not vanish under them.
    """
    release = stand_in.release(tmp_path / "release")
    with (tmp_path / "release/dep/litellm.Dockerfile").open("a") as file:
        file.write(f"LABEL run-claude.test={runs.name('image')}\n")
    one = Instance(tmp_path / "user", release=release)
    one.config.mkdir(parents=True)
    (one.config / ".env").write_text(
        f"LITELLM_PORT={one.port}\nRUN_CLAUDE_TIMESCALEDB_PORT={free_port()}\nOPENAI_API_KEY=sk-planted-0a1b2c3d4e\n"
    )
    one.extra = {"LITELLM_PORT": "", "RUN_CLAUDE_TIMESCALEDB_PORT": ""}
    two = Instance(tmp_path / "user")
    try:
        yield one, two.name
    finally:
        two.remove()
        one.folder.mkdir(exist_ok=True)
        one.remove()
        assert not one.left_over() + two.left_over()


def files(instance: Instance) -> set[str]:
    """Return what is in the home, as `find` shows it; the docker command's own folder aside."""
    found = {path.relative_to(instance.folder) for path in instance.folder.rglob("*") if not path.is_dir()}
    return {path.as_posix() for path in found if path.parts[0] != ".docker"}


def test_two_stacks_and_their_end(home: tuple[Instance, str]) -> None:
    one, second = home
    assert one.start()["url"] == one.url
    one.psql("run_claude", "CREATE TABLE kept AS SELECT generate_series(1, 100) AS n")
    image = one.inspect("litellm")["Config"]["Image"]

    # A second one gets ports of its own, says so, and keeps them.
    begun = one.run("--instance", second, "start", "demo", "--no-db")
    assert f"{one.port} is {one.name}'s" in " ".join(begun.stderr.split())
    status = one.json("--instance", second, "status")
    assert status["url"] != one.url
    assert (status["drift"], status["healthy"]) == ([], True)
    printed = one.run("--instance", second, "with", "demo", "--", "sh", "-c", "echo $ANTHROPIC_BASE_URL")
    assert printed.stdout.strip() == status["url"]
    rows = {row["instance"]: row for row in one.json("instances")}
    assert {name: (row["state"], row["url"], row["profile"]) for name, row in rows.items()} == {
        one.name: ("healthy", one.url, "demo"),
        second: ("healthy", status["url"], "demo"),
    }
    assert rows[one.name]["bytes"] > 1_000_000
    assert rows[second]["bytes"] is None

    # Stopped, it leaves no key that only a running stack needs.
    secrets = one.folder / "state" / "instances" / second / "secrets" / "litellm.json"
    master_key = one.secrets()[0]
    assert master_key in secrets.read_text()
    one.run("--instance", second, "stop", "--all")
    assert master_key not in secrets.read_text()

    # The end: first without the data, which stays usable, then with it.
    planned = one.json("uninstall", "--all", "--dry-run")
    assert {"kind": "image", "name": image} in [{"kind": row["kind"], "name": row["name"]} for row in planned["remove"]]
    assert one.phase("litellm") == "running healthy"
    gone = one.json("uninstall", "--all", "--yes")
    assert not gone["left"]
    volume = f"{one.name}-timescaledb-data"
    assert one.left_over() == [volume]
    assert not docker("image", "ls", "--quiet", image)
    assert files(one) == {"config/.env", f"state/instances/{one.name}/compose.env"}

    gone = one.json("uninstall", "--all", "--data", "--yes")
    assert not gone["left"]
    assert not one.left_over()
    assert not docker("image", "ls", "--quiet", image)
    backup, key = (one.folder / "run-claude-backups" / name.rpartition("/")[2] for name in gone["backups"])
    assert files(one) == {f"run-claude-backups/{path.name}" for path in (backup, key)}
    assert sum(part.rows for part in verify_file(backup).parts) >= 100
    assert key.read_text().startswith("LITELLM_SALT_KEY=sk-")
    assert {stat.S_IMODE(path.stat().st_mode) for path in (backup, key)} == {0o600}
    key.unlink()  # it is the one file here that holds a secret, and is for it
    assert not one.json("uninstall", "--all", "--data", "--dry-run")["remove"]
