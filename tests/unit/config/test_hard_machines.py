"""File systems without locks, files of another user, streams that are full or closed: a cause, or no matter at all."""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from run_claude.cli import root
from run_claude.cli.context import App
from run_claude.config import ownership
from run_claude.config.files import ensure_folder, exclusive, write_atomic
from run_claude.config.settings import load_settings
from run_claude.deploy.initialize import ensure_initialized, is_initialized
from run_claude.domain.causes import caused
from run_claude.errors import BusyError, ConfigError
from run_claude.state import history
from run_claude.state.lock import holder_of, lock

REFUSALS = [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EBADF]


@pytest.fixture(params=REFUSALS, ids=errno.errorcode.get)
def without_flock(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system below the test's folder that has no `flock`."""
    real = fcntl.flock

    def flock(descriptor: int, how: int) -> None:
        if str(Path(f"/proc/self/fd/{descriptor}").readlink()).startswith(str(tmp_path)):
            raise OSError(request.param, os.strerror(request.param))
        real(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)


@pytest.mark.usefixtures("without_flock")
@pytest.mark.anyio
async def test_without_flock_a_lock_is_held_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "state" / "lock"
    async with lock(path, "proxy start"):
        assert holder_of(path)
        with pytest.raises(BusyError):
            async with lock(path, "proxy stop", wait=0.05):
                pass
    async with lock(path, "proxy stop", wait=10):  # the one that has given up lets go in its own time
        pass
    with exclusive(tmp_path / "config"):
        pass
    history.append(tmp_path / "state" / "history.jsonl", "started", {})
    assert [row["event"] for row in history.read(tmp_path / "state" / "history.jsonl")] == ["started"]


@pytest.mark.anyio
async def test_a_full_disk_takes_no_lock_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int, data: bytes, at: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    async with lock(tmp_path / "lock", "proxy stop"):
        assert holder_of(tmp_path / "lock") == "another run-claude command"
    history.append(tmp_path / "none" / "history.jsonl", "stopped", {})


@pytest.mark.anyio
async def test_a_lock_that_cannot_be_opened_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with pytest.raises(ConfigError, match="cannot be opened"):
        async with lock(tmp_path / "lock", "proxy start"):
            pass


@pytest.fixture
def as_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not root, whoever runs the tests."""
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1000)


@pytest.mark.cause("files-foreign")
@pytest.mark.usefixtures("as_user")
def test_all_files_of_another_user_are_named_at_once_with_one_command(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    names = (settings.paths.models_file, settings.paths.lock_file, settings.paths.history_file)
    for path in (*names, settings.paths.env_file):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    with pytest.raises(ConfigError) as failed:
        ensure_initialized(settings)
    error = failed.value
    assert error.code == "files-foreign"
    files = error.facts["files"]
    assert isinstance(files, list)
    assert set(map(str, names)) <= set(files)
    assert str(settings.paths.env_file) not in files, "it can be read, and is used as it is"
    assert error.help.endswith(f"sudo chown -R {os.geteuid()}:1000 {settings.paths.config} {settings.paths.state}")


@pytest.mark.usefixtures("as_user")
@pytest.mark.parametrize("code", ["file-unwritable", "file-unreadable", "file-mode", "folder-unusable"])
def test_whichever_file_a_command_meets_first_all_of_them_are_named(environ: dict[str, str], code: str) -> None:
    path = load_settings(environ).paths.lock_file
    path.parent.mkdir(parents=True)
    path.write_text("")
    met = root.explained(App(environ=environ), caused(code, "One file cannot be used."))
    assert (met.code, str(path) in met.facts["files"]) == ("files-foreign", True)  # type: ignore[operator]
    other = caused("port-taken", "Something else.")
    assert root.explained(App(environ=environ), other) is other


@pytest.mark.usefixtures("as_user")
def test_what_the_containers_are_given_may_be_theirs(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = load_settings(environ).paths.secrets_dir
    folder.mkdir(parents=True)
    (folder / "litellm.json").write_text("{}")
    found = ownership.foreign_files([load_settings(environ).paths.state])
    assert folder / "litellm.json" not in found


def test_the_next_command_removes_what_killed_ones_have_left(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    ensure_initialized(settings)
    assert is_initialized(settings)
    paths = settings.paths
    mine = paths.config / f".env.{os.getpid()}.01234567.tmp"
    left = [
        folder / ".env.999999999.01234567.tmp" for folder in (paths.config, paths.secrets_dir, paths.instance_state)
    ]
    for path in (mine, *left):
        path.write_text("a secret")
    assert not is_initialized(settings)
    ensure_initialized(settings)
    assert [path for path in (mine, *left) if path.exists()] == [mine], "a command that runs still writes it"


def test_root_in_the_folder_of_a_user_makes_the_users_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, tuple[int, int]] = {}
    real = Path.stat

    def of_jane(self: Path, **options: bool) -> os.stat_result:
        found = list(real(self, **options))
        found[4], found[5] = 1234, 4321
        return os.stat_result(found)

    def chown(target: Path | int, uid: int, gid: int) -> None:
        name = str(Path(f"/proc/self/fd/{target}").readlink()) if isinstance(target, int) else str(target)
        given[Path(name).name.split(".")[-1] if name.endswith(".tmp") else Path(name).name] = (uid, gid)

    monkeypatch.setattr(Path, "stat", of_jane)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", chown)
    ensure_folder(tmp_path / "a" / "b")
    write_atomic(tmp_path / "a" / "b" / "file", "text")
    history.append(tmp_path / "a" / "history.jsonl", "started", {})
    assert given == dict.fromkeys(("a", "b", "tmp", "history.jsonl"), (1234, 4321))


def run(environ: dict[str, str], *arguments: str, redirected: str) -> subprocess.CompletedProcess[str]:
    line = f'{sys.executable} -m run_claude "$@" {redirected}'
    return subprocess.run(
        ["sh", "-c", line, "sh", *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_standard_output_is_a_cause(environ: dict[str, str]) -> None:
    done = run(environ, "profiles", "list", redirected=">/dev/full")
    assert (done.returncode, "no space left on device" in done.stderr) == (3, True)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("shell", [">&-", "2>&-", ">&- 2>&-", "<&-", "2>/dev/full"])
def test_a_closed_stream_or_a_full_standard_error_is_no_matter(environ: dict[str, str], shell: str) -> None:
    done = run(environ, "secrets", "init", redirected=shell)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False)
    assert (Path(environ["RUN_CLAUDE_HOME"]) / ".env").read_text().count("=") == 5, "no output is in a file of ours"


WAITS = """
import anyio
from run_claude.cli.context import App
from run_claude.cli.loop import run_in_loop
async def wait():
    print("waits", flush=True)
    await anyio.sleep(60)
raise SystemExit(run_in_loop(App(), wait))
"""


@pytest.mark.parametrize("nohup", [False, True])
def test_a_terminal_that_goes_ends_a_command_but_for_nohup(nohup: bool) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if nohup else signal.SIG_DFL)
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", WAITS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.stdout is not None
    assert process.stdout.readline() == "waits\n"
    process.send_signal(signal.SIGHUP)
    if nohup:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
    _, printed = process.communicate(timeout=30)
    assert (process.returncode, "Interrupted" in printed) == (143 if nohup else 129, True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
