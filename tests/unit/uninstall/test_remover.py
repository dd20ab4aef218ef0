"""Uninstalling: on a fake engine and real files, with what is somebody else's beside it."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.cli.root import run
from run_claude.config.folder import set_folder
from run_claude.config.model import Profile
from run_claude.deploy.prepare import prepare
from run_claude.domain.lifecycle import Service
from run_claude.domain.progress import Silent
from run_claude.domain.removal import Kind
from run_claude.errors import BusyError
from run_claude.state import lock
from run_claude.state.folders import record_folder
from run_claude.state.images import record_image
from run_claude.uninstall.completion import completion_files
from run_claude.uninstall.remover import Remover
from tests.fake.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]

IMAGE = "run-claude-litellm:test"
LINE = 'eval "$(run-claude completion bash)"'


@dataclass
class Home:
    """A home whose instance was started, beside another home's on the same engine."""

    stage: Stage
    home: Path
    project: Path

    def remover(self, **more: object) -> Remover:
        values = {"backups": None, "wait": 0.05} | more
        return Remover(
            api=self.stage.session.api,
            paths=self.stage.settings.paths,
            environ=self.stage.settings.environ,
            reporter=Silent(),
            **values,  # type: ignore[arg-type]
        )

    def files(self) -> set[str]:
        """Return the files of this home, configuration and state."""
        paths = self.stage.settings.paths
        folders = (self.home, self.project, paths.config, paths.state)
        return {path.name for folder in folders for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
async def home(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AsyncIterator[Home]:
    async with staged(environ, monkeypatch) as stage:
        settings, engine = stage.settings, stage.engine
        prepare(settings, profile="demo", database=True)
        record_image(settings.paths.images_file, IMAGE, made=True)
        for service in Service:
            container = stage.has(service)
            container.labels["com.docker.compose.project.working_dir"] = str(settings.paths.services)
            container.image = IMAGE if service is Service.LITELLM else "timescale/timescaledb:2"
            container.volumes = [f"test-{'litellm-logs' if service is Service.LITELLM else 'timescaledb-data'}"]
            theirs = engine.container(service, project="theirs")
            theirs.labels["com.docker.compose.project.working_dir"] = "/home/other/services"
        engine.images |= {"timescale/timescaledb:2", "run-claude-litellm:theirs"}
        engine.volumes = {
            f"{name}-{kind}": name for name in ("test", "theirs") for kind in ("timescaledb-data", "litellm-logs")
        }
        engine.networks = {"test-network": "test", "theirs-network": "theirs", "bridge": ""}
        folder = Path(environ["HOME"])
        folder.mkdir(exist_ok=True)
        (folder / ".bashrc").write_text(f"alias l=ls\n{LINE}  # run-claude\nexport X=1\n")
        project = tmp_path / "project"
        project.mkdir()
        (project / ".envrc").write_text("export MINE=1\n")
        set_folder(settings, project, Profile(name="demo"))
        record_folder(settings.paths, project)
        yield Home(stage, folder, project)


async def test_all_of_it_goes_and_nothing_of_anybody_elses(home: Home) -> None:
    remover = home.remover()
    outcome = await remover.remove(await remover.plan(data=True))
    engine = home.stage.engine
    assert not outcome.left
    assert home.files() == {".bashrc", ".envrc"}
    assert (home.home / ".bashrc").read_text() == "alias l=ls\nexport X=1\n"
    assert (home.project / ".envrc").read_text() == "export MINE=1\n"
    assert not home.stage.settings.paths.config.exists()
    assert not home.stage.settings.paths.state.exists()
    assert {container.project for container in engine.containers} == {"theirs"}
    assert engine.stopped == ["test-litellm", "test-timescaledb"]  # LiteLLM writes its last rows
    assert set(engine.volumes) == {"theirs-timescaledb-data", "theirs-litellm-logs"}
    assert set(engine.networks) == {"theirs-network", "bridge"}
    assert engine.images == {"timescale/timescaledb:2", "run-claude-litellm:theirs"}
    assert (await remover.plan(data=True)).things == ()


async def test_without_data_a_later_call_still_finds_the_volume(home: Home) -> None:
    remover = home.remover()
    await remover.remove(await remover.plan(data=False))
    paths = home.stage.settings.paths
    assert "test-timescaledb-data" in home.stage.engine.volumes
    assert home.files() == {".bashrc", ".envrc", ".env", "compose.env"}
    assert not [thing for thing in (await remover.plan(data=False)).things if thing.kind is not Kind.STATE]
    await remover.remove(await remover.plan(data=True))
    assert "test-timescaledb-data" not in home.stage.engine.volumes
    assert not paths.config.exists()


async def test_a_plan_changes_nothing(home: Home) -> None:
    before = home.files()
    await home.remover().plan(data=True)
    assert home.files() == before
    assert not home.stage.engine.removed
    assert not home.stage.engine.stopped


async def test_what_is_interrupted_is_finished_by_the_same_command(home: Home) -> None:
    remover, engine = home.remover(), home.stage.engine
    plan = await remover.plan(data=True)
    with anyio.CancelScope() as scope, engine.holding("/volumes/test-litellm-logs") as hold:
        async with anyio.create_task_group() as group:

            async def interrupt() -> None:
                await hold.reached.wait()
                scope.cancel()

            group.start_soon(interrupt)
            await remover.remove(plan)
    assert scope.cancelled_caught
    assert "test-network" not in engine.networks
    assert "compose.env" in home.files()  # what finds the rest goes last
    again = home.remover()
    assert not (await again.remove(await again.plan(data=True))).left
    assert set(engine.volumes) == {"theirs-timescaledb-data", "theirs-litellm-logs"}
    assert home.files() == {".bashrc", ".envrc"}


async def test_what_is_used_since_it_was_planned_stays(home: Home) -> None:
    remover, engine = home.remover(), home.stage.engine
    plan = await remover.plan(data=True)
    engine.container(Service.LITELLM, project="new").image = IMAGE
    outcome = await remover.remove(plan)
    assert not outcome.left
    assert IMAGE in engine.images
    assert not home.stage.settings.paths.state.exists()


async def test_what_the_engine_refuses_is_told(home: Home) -> None:
    remover, engine = home.remover(), home.stage.engine
    plan = await remover.plan(data=True)
    engine.refused["test-network"] = "network has active endpoints"
    outcome = await remover.remove(plan)
    assert [(item.thing.name, item.why) for item in outcome.left] == [("test-network", "network has active endpoints")]
    assert not home.stage.settings.paths.env_file.exists()
    engine.refused.clear()
    assert not (await remover.remove(await remover.plan(data=True))).left
    assert "test-network" not in engine.networks
    assert not home.stage.settings.paths.state.exists()


async def test_an_instance_that_another_command_works_on_is_waited_for(home: Home) -> None:
    remover = home.remover()
    plan = await remover.plan(data=True)
    async with lock.lock(home.stage.settings.paths.lock_file, "proxy start"):
        with pytest.raises(BusyError):
            await remover.remove(plan)
    assert not home.stage.engine.removed
    assert "compose.env" in home.files()


async def test_a_watcher_is_ended_before_anything_goes(home: Home) -> None:
    paths = home.stage.settings.paths
    code = (
        "import anyio, sys, signal; from pathlib import Path; from run_claude.state.lock import lock\n"
        "async def main():\n"
        "    async with lock(Path(sys.argv[1]), 'watch'):\n"
        "        print('ready', flush=True); await anyio.sleep_forever()\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143)); anyio.run(main)"
    )
    argv = [sys.executable, "-c", code, str(paths.watch_lock_file)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as watcher:  # noqa: ASYNC220 (for a moment)
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "ready\n"
        remover = home.remover()
        plan = await remover.plan(data=True)
        assert [thing.target for thing in plan.things if thing.kind is Kind.WATCHER] == [str(watcher.pid)]
        await remover.remove(plan)
        assert watcher.wait() in (143, -signal.SIGTERM)


async def test_one_instance_goes_alone_and_what_is_shared_stays(home: Home) -> None:
    two = replace(home.stage.settings, instance="two", paths=replace(home.stage.settings.paths, instance="two"))
    prepare(two, profile="demo", database=True)
    container = home.stage.engine.container(Service.LITELLM, project="two")
    container.labels["com.docker.compose.project.working_dir"] = str(two.paths.services)
    remover = home.remover(only="two")
    await remover.remove(await remover.plan(data=True))
    assert {row.project for row in home.stage.engine.containers} == {"test", "theirs"}
    assert not two.paths.instance_state.exists()
    assert not two.paths.litellm_config.exists()
    assert home.stage.settings.paths.env_file.exists()
    assert LINE in (home.home / ".bashrc").read_text()
    assert "run-claude env" in (home.project / ".envrc").read_text()


EARLIER = "test-20261120T080000Z.tar"


async def test_earlier_backups_move_to_the_last_ones(home: Home, tmp_path: Path) -> None:
    backups, kept = home.stage.settings.paths.state / "backups", tmp_path / "kept"
    for folder in (backups, kept):
        folder.mkdir()
        (folder / EARLIER).write_text(folder.name)
    (backups / "photos.tar").write_text("somebody's own")
    (backups / "gone.tar").symlink_to("nowhere")
    home.stage.engine.volumes = {}  # no data that would be backed up now
    remover = home.remover(backups=kept)
    outcome = await remover.remove(await remover.plan(data=True))
    (moved,) = outcome.backups
    assert (moved.parent, moved.read_text()) == (kept, "backups")
    assert (kept / EARLIER).read_text() == "kept", "what is there already is not replaced"
    assert {path.name for path in backups.iterdir()} == {"photos.tar", "gone.tar"}


async def test_without_a_place_for_backups_the_earlier_ones_stay(home: Home) -> None:
    backups = home.stage.settings.paths.state / "backups"
    backups.mkdir()
    (backups / EARLIER).write_text("data")
    remover = home.remover(backups=None)
    await remover.remove(await remover.plan(data=True))
    assert (backups / EARLIER).read_text() == "data"


async def test_of_the_services_what_the_user_has_made_or_changed_stays(home: Home) -> None:
    services = home.stage.settings.paths.services
    (services / "payments.py").write_text("mine")
    changed = services / "docker-compose.yaml"
    changed.write_text(changed.read_text() + "# mine\n")
    remover = home.remover()
    await remover.remove(await remover.plan(data=True))
    assert {path.name for path in services.rglob("*")} == {"payments.py", "docker-compose.yaml"}


async def test_a_folder_among_the_instances_that_is_none_is_not_touched(home: Home) -> None:
    theirs = home.stage.settings.paths.state / "instances" / "prod-customer"
    theirs.mkdir()
    (theirs / "notes.txt").write_text("mine")
    remover = home.remover()
    await remover.remove(await remover.plan(data=True))
    assert (theirs / "notes.txt").exists()


async def test_a_home_that_is_reached_by_a_link_is_the_same_one(home: Home, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(home.stage.settings.paths.config)
    for container in home.stage.engine.containers:
        if container.project == "test":
            container.labels["com.docker.compose.project.working_dir"] = str(tmp_path / "link" / "services")
    remover = home.remover()
    await remover.remove(await remover.plan(data=True))
    assert {container.project for container in home.stage.engine.containers} == {"theirs"}


async def test_what_is_not_ours_in_the_configuration_folder_stays(home: Home) -> None:
    mine = home.stage.settings.paths.config / "notes.txt"
    mine.write_text("mine")
    remover = home.remover()
    await remover.remove(await remover.plan(data=True))
    assert [path.name for path in mine.parent.iterdir()] == ["notes.txt"]


# --- completion -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "ours"),
    [
        (".bashrc", f"{LINE}\n", True),
        (".zshrc", 'eval "$(run-claude completion zsh)"', True),
        (".config/fish/config.fish", "run-claude completion fish | source\n", True),
        (".config/fish/completions/run-claude.fish", "function x; set _RUN_CLAUDE_COMPLETE fish_complete", True),
        (".config/fish/completions/run-claude.fish", "complete -c run-claude -a mine", False),
        (".bashrc", f"command -v run-claude && {LINE}\n", False),  # written otherwise: the user's own
        (".bashrc", f"# {LINE}\n", False),
    ],
)
def test_only_lines_that_are_surely_ours_count(tmp_path: Path, name: str, text: str, ours: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    assert completion_files(tmp_path, {}) == ([path] if ours else [])


def test_without_anything_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["uninstall", "--no-backup"]) == 2
    assert "--data" in capsys.readouterr().err
