from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from run_claude.config.secrets import DATABASE_PASSWORD, read_secrets
from run_claude.config.settings import Settings, load_settings
from run_claude.deploy import migration
from run_claude.deploy.initialize import ensure_initialized
from run_claude.deploy.migration import migrate
from run_claude.deploy.prepare import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

pytestmark = pytest.mark.usefixtures("packaged")

OLD = {
    "docker-compose.yaml": "name: run-claude-infra\nservices: {timescaledb: {}}\n",
    "docker-compose.override.yaml": "services: {}\n",
    "initdb/mine.sql": "select 1;\n",
}


@pytest.fixture
def old(paths: Paths) -> Path:
    """The folder of before, in the state folder."""
    folder = paths.state / "dep"
    for name, text in OLD.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def _everything(*folders: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for folder in folders for path in folder.rglob("*") if path.is_file()}


def test_where_there_is_nothing_of_before_nothing_happens(paths: Paths) -> None:
    assert migrate(paths) == []
    assert not paths.config.exists()


def test_the_folder_moves_and_a_second_run_is_silent(settings: Settings, old: Path) -> None:
    notes = ensure_initialized(settings)
    services = settings.paths.services
    assert f"Moved {old} to {services}." in notes
    assert not old.exists()
    assert (services / "docker-compose.yaml").read_bytes() == b"services: {}\n", "the compose file is this release's"
    assert (services / "docker-compose.yaml.old").read_text() == OLD["docker-compose.yaml"]
    assert (services / "docker-compose.override.yaml").read_text() == OLD["docker-compose.override.yaml"]
    assert (services / "initdb/mine.sql").read_text() == OLD["initdb/mine.sql"]
    assert not (services / ".migrating").exists()
    assert ensure_initialized(settings) == []


def test_a_file_that_is_this_releases_own_is_not_set_aside(paths: Paths, old: Path) -> None:
    (old / "litellm.Dockerfile").write_bytes(b"FROM scratch\n")
    migrate(paths)
    assert not (paths.services / "litellm.Dockerfile.old").exists()


def test_a_start_after_the_migration_is_prepared_with_the_databases_password(
    settings: Settings, old: Path, write: Write
) -> None:
    write(".env", f"{DATABASE_PASSWORD}=aB#c$d&e^f*g\nANTHROPIC_API_KEY=sk-x\n")
    prepare(settings, profile="demo", database=True)
    assert read_secrets(settings).database_password == "aB#c$d&e^f*g"
    assert settings.paths.database_secret.read_text() == "aB#c$d&e^f*g"


def test_both_there_nothing_is_deleted_and_both_are_named(settings: Settings, old: Path) -> None:
    mine = settings.paths.services / "docker-compose.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine\n")
    before = _everything(old)
    notes = ensure_initialized(settings)
    assert any(str(old) in note and str(mine.parent) in note for note in notes)
    assert _everything(old) == before
    assert mine.read_text() == "mine\n"


def test_an_empty_new_folder_is_no_other_one(paths: Paths, old: Path) -> None:
    paths.services.mkdir(parents=True)
    migrate(paths)
    assert not old.exists()


@pytest.mark.parametrize("after", range(12))
def test_interrupted_anywhere_the_next_call_completes_it(
    settings: Settings, old: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    wanted = {**OLD, "docker-compose.yaml.old": OLD["docker-compose.yaml"]}
    wanted["docker-compose.yaml"] = "services: {}\n"
    left = [after]

    def counted(do: Callable[..., object]) -> Callable[..., object]:
        def step(*args: object, **more: object) -> object:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            return do(*args, **more)

        return step

    with monkeypatch.context() as patched:
        for name in ("write_atomic", "_remove", "_copy", "ensure_folder"):
            patched.setattr(migration, name, counted(getattr(migration, name)))
        try:
            migrate(settings.paths)
        except KeyboardInterrupt:
            present = {Path(name).name for name in _everything(settings.paths.config, old.parent)}
            assert {Path(name).name for name in OLD} <= present | {"docker-compose.yaml"}
    ensure_initialized(settings)
    assert not old.exists()
    assert {name: (settings.paths.services / name).read_text() for name in wanted} == wanted
    assert not (settings.paths.services / ".migrating").exists()
    assert ensure_initialized(settings) == []


def test_a_file_that_cannot_be_removed_is_said_and_the_next_call_goes_on(
    settings: Settings, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def refuse(path: Path) -> str:
            return f"{path} could not be removed (permission denied); remove it by hand."

        patched.setattr(migration, "_remove", refuse)
        notes = ensure_initialized(settings)
        assert any("could not be removed (permission denied)" in note for note in notes)
        assert old.exists()
        assert (settings.paths.services / "initdb/mine.sql").exists()
    assert any("Moved" in note for note in ensure_initialized(settings))
    assert not old.exists()


def test_a_link_is_followed_and_only_the_link_removed(paths: Paths, old: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere"
    old.rename(real)
    old.symlink_to(real)
    (real / "link.sql").symlink_to("initdb/mine.sql")
    migrate(paths)
    assert not old.is_symlink()
    assert (real / "initdb/mine.sql").exists()
    assert (paths.services / "initdb/mine.sql").read_text() == OLD["initdb/mine.sql"]
    assert (paths.services / "link.sql").read_text() == OLD["initdb/mine.sql"]


def test_a_link_to_nowhere_is_left_alone_and_said(paths: Paths) -> None:
    paths.state.mkdir(parents=True)
    (paths.state / "dep").symlink_to("nowhere")
    (note,) = migrate(paths)
    assert "left unchanged" in note
    assert (paths.state / "dep").is_symlink()


def test_from_another_file_system(environ: dict[str, str]) -> None:
    here = Path(environ["RUN_CLAUDE_HOME"]).parent.stat().st_dev
    others = [path for path in map(Path, ("/dev/shm", "/var/tmp")) if path.is_dir() and path.stat().st_dev != here]
    if not others:
        pytest.skip("no second file system here")
    with tempfile.TemporaryDirectory(dir=others[0]) as state:
        settings = load_settings({**environ, "RUN_CLAUDE_STATE": state})
        old = Path(state) / "dep"
        old.mkdir()
        (old / "mine.sql").write_text("x")
        ensure_initialized(settings)
        assert not old.exists()
        assert (settings.paths.services / "mine.sql").read_text() == "x"


@pytest.mark.skipif(os.geteuid() != 0, reason="root becomes another user for it")
@pytest.mark.parametrize(("closed", "words"), [("dep", "could not be removed"), ("config", "cannot be")])
def test_without_permission_it_says_so_and_loses_nothing(closed: str, words: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        old = root / "state" / "dep"
        old.mkdir(parents=True)
        (old / "mine.sql").write_text("x")
        (root / "config").mkdir()
        for path in (root, *root.rglob("*")):
            os.chown(path, 65534, 65534)
        (old if closed == "dep" else root / "config").chmod(0o555)
        root.chmod(0o755)
        script = (
            "import sys; sys.path.insert(0, sys.argv[1]); import pathlib\n"
            "from run_claude.deploy.migration import migrate\n"
            "from run_claude.config.paths import Paths\n"
            "from run_claude.errors import ConfigError\n"
            "try: print(*migrate(Paths(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))))\n"
            "except ConfigError as error: print('ConfigError', error.message)\n"
        )
        repository = Path(migration.__file__).parents[2]
        python = shutil.which("python3", path="/usr/bin:/bin") or sys.executable  # one that others may run, too
        answer = subprocess.run(
            [python, "-c", script, str(repository), str(root / "config"), str(root / "state")],
            capture_output=True,
            text=True,
            user=65534,
            group=65534,
            cwd="/",
        )
        assert answer.stderr == ""
        assert words in answer.stdout
        assert (old / "mine.sql").read_text() == "x"


def test_the_old_generated_config_is_kept_for_this_users_eyes(paths: Paths) -> None:
    paths.state.mkdir(parents=True)
    (paths.state / "litellm_config.yaml").write_text("general_settings: {master_key: x}\n")
    migrate(paths)
    kept = paths.config / "litellm_config.yaml.old"
    assert kept.read_text() == "general_settings: {master_key: x}\n"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert not (paths.state / "litellm_config.yaml").exists()


@pytest.mark.parametrize("text", ["999999999", "1", "not a number", "", "99999999999999999999999"])
def test_a_stale_pid_file_and_the_logs_go(paths: Paths, text: str) -> None:
    paths.state.mkdir(parents=True)
    for name in ("proxy.pid", "proxy.log"):
        (paths.state / name).write_text(text)
    assert migrate(paths) == []
    assert list(paths.state.iterdir()) == []


def test_an_old_proxy_that_runs_is_named_and_left_alone(paths: Paths) -> None:
    script = "print('runs', flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", script, "litellm"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"runs\n"  # a command line shows only some time after the start
        paths.state.mkdir(parents=True)
        (paths.state / "proxy.pid").write_text(f"{process.pid}\n")
        (note,) = migrate(paths)
        assert f"kill {process.pid}" in note
        assert (paths.state / "proxy.pid").exists()
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert migrate(paths) == []
    assert not (paths.state / "proxy.pid").exists()
