"""The watcher as a user service: a systemd unit, or a launchd agent on macOS."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Launchd", "Systemd", "service_manager"]

# What a watcher needs of the environment, and no secret: the rest is on disk.
_CARRIED: tuple[str, ...] = ("RUN_CLAUDE_HOME", "RUN_CLAUDE_STATE", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "DOCKER_HOST")
_CARRIED += ("DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY", "PATH")
_WITHIN = 30.0  # seconds for one call of the service manager


@dataclass(frozen=True, slots=True)
class Service:
    """What is to be run, as which unit."""

    instance: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, instance: str, environ: Mapping[str, str]) -> Service:
        """Return the watcher of an instance, with the interpreter and the paths of now.

        ``-P``: what lies in the folder that it is started in, such as the home folder, is imported by nobody.
        """
        carried = {name: environ[name] for name in _CARRIED if environ.get(name)}
        return cls(instance, (sys.executable, "-P", "-m", "run_claude", "--instance", instance, "watch"), carried)


class Systemd:
    """systemd's user manager."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        config = environ.get("XDG_CONFIG_HOME") or ""
        self._folder = (Path(config) if config.startswith("/") else home / ".config") / "systemd/user"

    def path(self, instance: str) -> Path:
        """Return the unit's file."""
        return self._folder / f"run-claude-watch-{instance}.service"

    def render(self, service: Service) -> str:
        """Return the unit. systemd restarts it when it fails, not when it was asked to stop."""
        lines = ["[Unit]", f"Description=run-claude: watches the stack {service.instance}", "", "[Service]"]
        lines += [f"ExecStart={' '.join(map(_systemd_quoted, service.argv))}"]
        lines += [f"Environment={_systemd_quoted(f'{name}={value}')}" for name, value in service.environment.items()]
        lines += ["Restart=on-failure", "RestartSec=5", "SuccessExitStatus=130 143", "RestartPreventExitStatus=2 3 9"]
        return "\n".join([*lines, "", "[Install]", "WantedBy=default.target", ""])

    def install(self, service: Service) -> Path:
        """Write the unit, and have it run now and at each login.

        :raises ConfigError: if systemd refuses it, or there is no user manager
        """
        path = self.path(service.instance)
        _call(["systemctl", "--user", "show-environment"])  # nothing is written where there is no user manager
        write_if_changed(path, self.render(service), mode=0o644)
        _call(["systemctl", "--user", "daemon-reload"])
        _call(["systemctl", "--user", "enable", path.name])
        _call(["systemctl", "--user", "restart", path.name])
        return path

    def uninstall(self, instance: str) -> bool:
        """End and remove the unit; return whether there was one."""
        path = self.path(instance)
        if not path.exists():
            return False
        _call(["systemctl", "--user", "disable", "--now", path.name], check=False)
        path.unlink()
        # Where no user manager runs, `disable` cannot remove the link that `enable` has made.
        (path.parent / "default.target.wants" / path.name).unlink(missing_ok=True)
        _call(["systemctl", "--user", "daemon-reload"], check=False)
        return True


class Launchd:
    """launchd's agents of the user."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def path(self, instance: str) -> Path:
        """Return the agent's file."""
        return self._home / f"Library/LaunchAgents/run-claude.watch.{instance}.plist"

    def _log(self, instance: str) -> Path:
        return self._home / f"Library/Logs/run-claude-watch-{instance}.log"

    def render(self, service: Service) -> str:
        """Return the agent. launchd restarts it when it fails, not when it was asked to stop."""
        log = self._log(service.instance)
        return plistlib.dumps(
            {
                "Label": f"run-claude.watch.{service.instance}",
                "ProgramArguments": list(service.argv),
                "EnvironmentVariables": dict(service.environment),
                "RunAtLoad": True,
                "KeepAlive": {"SuccessfulExit": False},
                "StandardOutPath": str(log),
                "StandardErrorPath": str(log),
            }
        ).decode()

    def install(self, service: Service) -> Path:
        """Write the agent, and have it run now and at each login.

        :raises ConfigError: if launchd refuses it
        """
        path = self.path(service.instance)
        if path.exists():
            _call(["launchctl", "bootout", f"gui/{os.getuid()}", str(path)], check=False)
        write_if_changed(path, self.render(service), mode=0o644)
        _call(["launchctl", "bootstrap", f"gui/{os.getuid()}", str(path)])
        return path

    def uninstall(self, instance: str) -> bool:
        """End and remove the agent; return whether there was one."""
        path = self.path(instance)
        if not path.exists():
            return False
        _call(["launchctl", "bootout", f"gui/{os.getuid()}", str(path)], check=False)
        path.unlink()
        self._log(instance).unlink(missing_ok=True)
        return True


def service_manager(home: Path, environ: Mapping[str, str]) -> Systemd | Launchd:
    """Return what runs services for the user here.

    :raises ConfigError: if nothing does
    """
    if sys.platform == "darwin":
        return Launchd(home)
    if shutil.which("systemctl", path=environ.get("PATH")):
        return Systemd(home, environ)
    raise caused("no-service-manager", "There is neither systemd nor launchd here to run the watcher as a service.")


def _call(argv: Sequence[str], *, check: bool = True) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=_WITHIN, check=False)
        problem = done.stderr.strip() or f"exit code {done.returncode}" if done.returncode else ""
    except (OSError, subprocess.TimeoutExpired) as error:
        problem = str(error)
    if problem and check:
        raise caused(
            "service-refused",
            f"`{' '.join(argv)}` failed: {problem.splitlines()[-1]}",
            help="Without a login session there is no user manager: try `loginctl enable-linger`, or run"
            " `run-claude watch` by other means.",
        )


def _systemd_quoted(word: str) -> str:
    """Quote for a unit file: ``%`` and ``$`` mean something there, and so do quotes and backslashes."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$").replace("\n", "\\n")
    return f'"{word}"'
