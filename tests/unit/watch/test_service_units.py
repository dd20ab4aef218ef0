"""The watcher as a service: what is written, and what is told where it cannot be."""

from __future__ import annotations

import os
import plistlib
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from run_claude.config.paths import Paths
from run_claude.docker import endpoint
from run_claude.errors import ConfigError
from run_claude.watch import service_units
from run_claude.watch.service_units import NO_RESTART_HELPS, Launchd, Service, Systemd, service_manager

ENVIRON = {"RUN_CLAUDE_HOME": "/a b/100%/$x", "OPENAI_API_KEY": "planted", "PATH": "/usr/bin", "DOCKER_HOST": ""}


def service_of(instance: str, environ: dict[str, str] = ENVIRON) -> Service:
    return Service.of(Paths.resolve({"HOME": "/home/me", **environ}, instance), environ)


def stub(folder: Path, monkeypatch: pytest.MonkeyPatch, body: str, name: str = "systemctl") -> Path:
    """Put a service manager's command into the PATH that notes its calls."""
    calls = folder / "calls"
    command = folder / "bin" / name
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\necho "$@" >>{calls}\n{body}\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(command.parent), prepend=os.pathsep)
    return calls


# Folders that somebody may have; what each means to systemd or to a shell, it must not mean in a unit.
NAMES = (
    *("a b", " first", "last ", "100%", "%h", "$HOME", "${HOME}", "$$", "it's", 'say "x"', "back\\slash", "\\n"),
    *("ünï → 中", "a;b|c&d", "#hash", "a=b", "-dash", "*?[x]", "~", "{a,b}", ":c", "@at", "+p", "!x"),
)


def unit_of(folder: Path, name: str) -> str:
    """Return the unit of a program and a setting whose paths have this name in them."""
    service = Service("work", (f"/{name}/python", name), {"RUN_CLAUDE_HOME": f"/{name}"})
    return Systemd(folder, {}).render(service)


def test_a_unit_names_program_instance_and_places_and_no_key(tmp_path: Path) -> None:
    unit = Systemd(tmp_path, {}).render(service_of("work"))
    assert f'"{sys.executable}" "-P" "-m" "run_claude" "--instance" "work" "watch" ' in unit
    assert 'Environment="RUN_CLAUDE_HOME=/a b/100%%/$x"' in unit
    assert "Restart=on-failure" in unit
    assert 'Environment="RUN_CLAUDE_STATE=/home/me/.local/state/run-claude"' in unit
    assert "planted" not in unit
    assert "DOCKER_HOST" not in unit


def test_a_service_finds_what_this_shell_finds_though_it_starts_with_another_environment() -> None:
    shell = {"HOME": "/elsewhere", "XDG_CONFIG_HOME": "/x", "RUN_CLAUDE_STATE": "here", "DOCKER_CONFIG": "docker"}
    assert service_of("work", shell).environment == {
        "HOME": "/elsewhere",
        "RUN_CLAUDE_HOME": "/x/run-claude",
        "RUN_CLAUDE_STATE": str(Path.cwd() / "here"),
        "DOCKER_CONFIG": str(Path.cwd() / "docker"),
    }


def test_all_that_selects_the_engine_is_carried() -> None:
    read = set(re.findall(r'environ(?:\.get\(|\[)"(DOCKER_\w+)"', Path(endpoint.__file__).read_text()))
    assert len(read) >= 6
    assert set(service_of("work", dict.fromkeys(read, "/x")).environment) >= read


def test_where_no_restart_helps_there_is_none() -> None:
    unit = Systemd(Path("/"), {}).render(service_of("work"))
    codes = re.findall(r"^RestartPreventExitStatus=(.*)", unit, re.MULTILINE)[0].split()
    assert str(NO_RESTART_HELPS) in codes
    assert "4" not in codes, "an engine that cannot be asked now can be asked later"
    assert f'"--no-restart-helps={NO_RESTART_HELPS}"\n' in unit
    agent = plistlib.loads(Launchd(Path("/"), {}).render(service_of("work")).encode())
    assert agent["ProgramArguments"][-1] == "--no-restart-helps=0", "launchd makes none after a success only"


@pytest.mark.parametrize("name", NAMES)
def test_every_path_is_quoted_as_systemd_and_the_shell_read_it(tmp_path: Path, name: str) -> None:
    """Read it as systemd does, which tests/engine/test_service.py asks: see systemd.syntax(7), systemd.service(5)."""
    unit = unit_of(tmp_path, name)
    lines = dict(line.split("=", 1) for line in unit.splitlines() if "=" in line)
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', lines["Environment"])]
    assert [word.replace("%%", "%") for word in words] == [f"RUN_CLAUDE_HOME=/{name}"]
    shell, _, rest = lines["ExecStart"].partition(" sh ")
    assert shell == """/bin/sh -c 'exec "$$@"'"""
    words = [re.sub(r"\\(.)", r"\1", word) for word in re.findall(r'"((?:[^"\\]|\\.)*)"', rest)]
    words = [word.replace("%%", "%").replace("$$", "$") for word in words]
    assert words == [f"/{name}/python", name, f"--no-restart-helps={NO_RESTART_HELPS}"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_itself_takes_the_units(tmp_path: Path) -> None:
    paths = []
    for number, name in enumerate(NAMES):
        paths.append(tmp_path / f"run-claude-watch-{number}.service")
        paths[-1].write_text(unit_of(tmp_path, name))
    done = subprocess.run(["systemd-analyze", "verify", "--user", *paths], capture_output=True, text=True, check=False)
    assert "run-claude-watch" not in done.stderr, done.stderr


@pytest.mark.cause("service-path")
@pytest.mark.parametrize("name", ["a\nb", "tab\t", "bell\a", os.fsdecode(b"\xff")])
def test_a_path_that_no_unit_can_hold_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    service = service_of("x", {"RUN_CLAUDE_HOME": f"/{name}"})
    for manager in (Systemd(tmp_path, {}), Launchd(tmp_path, {})):
        with pytest.raises(ConfigError, match="cannot be told") as caught:
            manager.install(service)
        assert caught.value.code == "service-path"
        assert caught.value.message.isprintable()
        assert not manager.path("x").exists()


def test_installing_writes_the_unit_and_starts_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = stub(tmp_path, monkeypatch, "")
    manager = Systemd(tmp_path, os.environ)
    path = manager.install(service_of("x"))
    assert path == tmp_path / ".config/systemd/user/run-claude-watch-x.service"
    assert calls.read_text().splitlines()[1:] == [
        "--user daemon-reload",
        f"--user enable {path}",
        "--user restart run-claude-watch-x.service",
    ]
    assert manager.uninstall("x")
    assert not path.exists()
    assert not manager.uninstall("x")


# What `systemctl --user` says without a manager: systemd 247, 252, 257; and to root with another user's environment.
NO_BUS = (
    "Failed to connect to bus: No medium found",
    "Failed to connect to bus: No such file or directory",
    "Failed to connect to bus: $DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined (consider using …)",
    "Failed to connect to user scope bus via local transport: No such file or directory",
    "Failed to connect to bus: Operation not permitted",
)


@pytest.mark.cause("no-user-manager")
@pytest.mark.parametrize("words", NO_BUS)
def test_without_a_user_manager_that_is_said_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str
) -> None:
    stub(tmp_path, monkeypatch, f"echo '{words}' >&2; exit 1")
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    environ = {**os.environ, "XDG_RUNTIME_DIR": "", "SUDO_USER": "me"}
    manager = Systemd(tmp_path, environ, tmp_path)
    with pytest.raises(ConfigError, match="no user manager") as caught:
        manager.install(service_of("x"))
    assert caught.value.code == "no-user-manager"
    assert f"{tmp_path}/run/user/{os.getuid()}/systemd/private" in caught.value.message
    assert words in caught.value.message
    assert f"loginctl enable-linger {pwd.getpwuid(os.getuid()).pw_name}" in caught.value.help
    assert "without sudo" in caught.value.help
    assert not manager.path("x").exists()


@pytest.mark.cause("service-refused")
def test_what_a_running_manager_refuses_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, monkeypatch, "[ $2 != enable ] || { echo 'Failed to enable unit: Access denied' >&2; exit 1; }")
    with pytest.raises(
        ConfigError, match=r"systemctl --user enable .* failed: Failed to enable unit: Access"
    ) as caught:
        Systemd(tmp_path, os.environ).install(service_of("x"))
    assert caught.value.code == "service-refused"
    assert not list(tmp_path.rglob("*.service")), "nobody asked for a service that may start at the next login"


def test_a_unit_that_was_installed_with_another_folder_is_removed_with_its_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub(tmp_path, monkeypatch, "")
    unit = Systemd(tmp_path, {**os.environ, "XDG_CONFIG_HOME": str(tmp_path / "x")}).install(service_of("x"))
    manager = Systemd(tmp_path, os.environ)
    for link in (manager.path("x"), manager.path("x").parent / "default.target.wants" / unit.name):
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(unit)
    assert manager.uninstall("x")
    assert not list(tmp_path.rglob("*.service"))


def test_launchd_gets_the_time_that_the_last_agent_takes_to_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_units, "_BOOTSTRAP_PAUSE", 0)
    busy = f'[ $1 != bootstrap ] || [ "$(grep -c bootstrap {tmp_path}/calls)" -gt 3 ] || {{ echo busy >&2; exit 5; }}'
    calls = stub(tmp_path, monkeypatch, busy, "launchctl")
    manager = Launchd(tmp_path, os.environ)
    with pytest.raises(ConfigError, match="busy"):  # there is none that could be ending
        manager.install(service_of("x"))
    assert not manager.path("x").exists()
    manager.path("x").write_text("the last")
    assert manager.install(service_of("x")).exists()
    assert [call.split()[0] for call in calls.read_text().splitlines()][-4:] == ["bootout"] + ["bootstrap"] * 3


@pytest.mark.cause("no-service-manager")
def test_systemd_that_does_not_run_the_machine_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, monkeypatch, "echo 'System has not been booted with systemd as init system' >&2; exit 1")
    with pytest.raises(ConfigError, match="does not run this machine") as caught:
        Systemd(tmp_path, os.environ, tmp_path).install(service_of("x"))
    assert caught.value.code == "no-service-manager"
    assert "crontab" in caught.value.help


@pytest.mark.parametrize("named", [None, "/nowhere", "/"], ids=["left out", "not there", "another user's"])
def test_su_sudo_and_cron_do_not_hide_the_user_manager(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str | None
) -> None:
    stub(tmp_path, monkeypatch, f'echo "$XDG_RUNTIME_DIR $DBUS_SESSION_BUS_ADDRESS" >>{tmp_path}/seen')
    environ = {**os.environ, "DBUS_SESSION_BUS_ADDRESS": "unix:path=/of/another"}
    environ.pop("XDG_RUNTIME_DIR", None)
    environ |= {"XDG_RUNTIME_DIR": named} if named else {}
    monkeypatch.setattr(os, "getuid", lambda: 12345)
    Systemd(tmp_path, environ, tmp_path).install(service_of("x"))
    assert set((tmp_path / "seen").read_text().splitlines()) == {f"{tmp_path}/run/user/12345 "}


def test_the_users_own_runtime_folder_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub(tmp_path, monkeypatch, f'echo "$XDG_RUNTIME_DIR" >>{tmp_path}/seen')
    Systemd(tmp_path, {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)}).install(service_of("x"))
    assert set((tmp_path / "seen").read_text().splitlines()) == {str(tmp_path)}


def test_who_does_not_linger_is_told_how_to(tmp_path: Path) -> None:
    user = pwd.getpwuid(os.getuid()).pw_name
    manager = Systemd(tmp_path, {}, tmp_path)
    assert manager.advice().endswith(f"sudo loginctl enable-linger {user}")
    linger = tmp_path / "var/lib/systemd/linger"
    linger.mkdir(parents=True)
    (linger / user).touch()
    assert manager.advice() == ""


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_of_macos_says_the_same(tmp_path: Path, name: str) -> None:
    environ = {**ENVIRON, "RUN_CLAUDE_HOME": f"/{name}"}
    row = plistlib.loads(Launchd(tmp_path, {}).render(service_of("work", environ)).encode())
    assert row["ProgramArguments"][:-1] == list(service_of("work", environ).argv)
    assert row["EnvironmentVariables"] == dict(service_of("work", environ).environment)
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
    argv = service_of("work").argv
    assert argv[-1] == "watch"
    done = subprocess.run([*argv, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "planted" in done.stdout + done.stderr) == (0, False), done.stderr
