"""The watcher as a service: what is written, and what is told where it cannot be."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from run_claude.errors import ConfigError
from run_claude.watch.service_units import Launchd, Service, Systemd, service_manager

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {"RUN_CLAUDE_HOME": "/a b/100%/$x", "OPENAI_API_KEY": "planted", "PATH": "/usr/bin", "DOCKER_HOST": ""}


def stub(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Path:
    """Put a `systemctl` into the PATH that notes its calls."""
    calls = folder / "calls"
    command = folder / "bin/systemctl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n{body}\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    return calls


def test_a_unit_names_program_instance_and_places_and_no_key(tmp_path: Path) -> None:
    unit = Systemd(tmp_path, {}).render(Service.of("work", ENVIRON))
    assert f'ExecStart="{sys.executable}" "-P" "-m" "run_claude" "--instance" "work" "watch"' in unit
    assert 'Environment="RUN_CLAUDE_HOME=/a b/100%%/$$x"' in unit
    assert "Restart=on-failure" in unit
    assert "planted" not in unit
    assert "DOCKER_HOST" not in unit


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_itself_takes_the_unit(tmp_path: Path) -> None:
    path = tmp_path / "run-claude-watch-x.service"
    path.write_text(Systemd(tmp_path, {}).render(Service.of("x", ENVIRON)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--user", str(path)], capture_output=True, text=True, check=False
    )
    assert "run-claude-watch" not in done.stderr, done.stderr


def test_installing_writes_the_unit_and_starts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = stub(tmp_path, monkeypatch, "")
    manager = Systemd(tmp_path, {})
    path = manager.install(Service.of("x", ENVIRON))
    assert path == tmp_path / ".config/systemd/user/run-claude-watch-x.service"
    assert calls.read_text().splitlines()[1:] == [
        "--user daemon-reload",
        "--user enable run-claude-watch-x.service",
        "--user restart run-claude-watch-x.service",
    ]
    assert manager.uninstall("x")
    assert not path.exists()
    assert not manager.uninstall("x")


@pytest.mark.cause("service-refused")
def test_without_a_user_manager_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, monkeypatch, "echo 'Failed to connect to bus: No medium found' >&2; exit 1")
    manager = Systemd(tmp_path, {})
    with pytest.raises(ConfigError, match="No medium found") as caught:
        manager.install(Service.of("x", ENVIRON))
    assert caught.value.code == "service-refused"
    assert not manager.path("x").exists()


def test_an_agent_of_macos_says_the_same(tmp_path: Path) -> None:
    row = plistlib.loads(Launchd(tmp_path).render(Service.of("work", ENVIRON)).encode())
    assert row["ProgramArguments"][-3:] == ["--instance", "work", "watch"]
    assert row["EnvironmentVariables"] == {"RUN_CLAUDE_HOME": "/a b/100%/$x", "PATH": "/usr/bin"}
    assert row["KeepAlive"] == {"SuccessfulExit": False}


@pytest.mark.cause("no-service-manager")
@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has launchd")
def test_where_there_is_no_service_manager_it_says_how_else(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither systemd nor launchd") as caught:
        service_manager(tmp_path, {"PATH": str(tmp_path)})
    assert caught.value.code == "no-service-manager"
    assert "crontab" in caught.value.help


def test_nothing_that_lies_where_it_is_started_is_imported(tmp_path: Path) -> None:
    for name in ("run_claude", "json", "anyio"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('planted')\n")
    argv = Service.of("work", ENVIRON).argv
    assert argv[-1] == "watch"
    done = subprocess.run([*argv, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "planted" in done.stdout + done.stderr) == (0, False), done.stderr
