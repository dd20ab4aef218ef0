"""The watcher as a user service: a systemd unit, or a launchd agent on macOS."""

from __future__ import annotations

import os
import plistlib
import pwd
import re
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

    from run_claude.errors import RunClaudeError

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
    """systemd's user manager.

    :param root: where `run` and `var` are, for the tests
    """

    def __init__(self, home: Path, environ: Mapping[str, str], root: Path = Path("/")) -> None:
        config = environ.get("XDG_CONFIG_HOME") or ""
        self._folder = (Path(config) if config.startswith("/") else home / ".config") / "systemd/user"
        self._root = root
        self._environ = _with_runtime_folder(environ, root / f"run/user/{os.getuid()}")

    def path(self, instance: str) -> Path:
        """Return the unit's file."""
        return self._folder / f"run-claude-watch-{instance}.service"

    def render(self, service: Service) -> str:
        """Return the unit. systemd restarts it when it fails, not when it was asked to stop or is no longer there.

        The shell runs the program, because systemd refuses a path with quotes or backslashes as that of a program, and
        expands no ``$$`` in it. In arguments it does, in ``Environment=`` a ``$`` is a ``$`` (systemd 252 and 257).

        :raises ConfigError: if a path has characters that no unit can have
        """
        words = [*service.argv, *service.environment.values()]
        _refuse_unprintable(words)
        argv = " ".join(_systemd_quoted(word).replace("$", "$$") for word in service.argv)
        lines = ["[Unit]", f"Description=run-claude: watches the stack {service.instance}", "", "[Service]"]
        lines += [f"""ExecStart=/bin/sh -c 'exec "$$@"' sh {argv}"""]
        lines += [f"Environment={_systemd_quoted(f'{name}={value}')}" for name, value in service.environment.items()]
        lines += ["Restart=on-failure", "RestartSec=5", "SuccessExitStatus=130 143"]
        lines += ["RestartPreventExitStatus=2 3 9 126 127"]
        return "\n".join([*lines, "", "[Install]", "WantedBy=default.target", ""])

    def install(self, service: Service) -> Path:
        """Write the unit, and have it run now and at each login.

        :raises ConfigError: if systemd refuses it, or there is no user manager
        """
        path, unit = self.path(service.instance), self.render(service)
        self._expect_manager()  # nothing is written where there is none
        write_if_changed(path, unit, mode=0o644)
        self._systemctl("daemon-reload")
        self._systemctl("enable", path.name)
        self._systemctl("restart", path.name)
        return path

    def advice(self) -> str:
        """Return how to have the user's services run while the user is not logged in; nothing if they do."""
        user = _user()
        if (self._root / "var/lib/systemd/linger" / user).exists():
            return ""
        return f"It ends when you log out; to have it run from boot on: sudo loginctl enable-linger {user}"

    def uninstall(self, instance: str) -> bool:
        """End and remove the unit; return whether there was one."""
        path = self.path(instance)
        if not path.exists():
            return False
        self._systemctl("disable", "--now", path.name, check=False)
        path.unlink()
        # Where no user manager runs, `disable` cannot remove the link that `enable` has made.
        (path.parent / "default.target.wants" / path.name).unlink(missing_ok=True)
        self._systemctl("daemon-reload", check=False)
        return True

    def _expect_manager(self) -> None:
        """Tell apart why no user manager answers.

        :raises ConfigError: if none does
        """
        problem = _problem(["systemctl", "--user", "show-environment"], self._environ)
        if not problem:
            return
        if not (self._root / "run/systemd/system").is_dir():  # as sd_booted(3) asks
            raise caused("no-service-manager", "systemd is installed here, but does not run this machine.")
        user, folder = _user(), self._environ["XDG_RUNTIME_DIR"]
        if not (Path(folder) / "systemd/private").exists():
            yourself = ", or run this without sudo" if self._environ.get("SUDO_USER") else ""
            raise caused(
                "no-user-manager",
                f"systemd runs no user manager for {user}: there is no {folder}/systemd/private ({problem}).",
                help=f"Have it run from boot on, `sudo loginctl enable-linger {user}`, or log in as {user} rather than"
                f" by su or sudo{yourself}. Then run `run-claude watch install` again.",
            )
        raise _refused(["systemctl", "--user", "show-environment"], problem)

    def _systemctl(self, *arguments: str, check: bool = True) -> None:
        _call(["systemctl", "--user", *arguments], self._environ, check=check)


class Launchd:
    """launchd's agents of the user."""

    def __init__(self, home: Path, environ: Mapping[str, str]) -> None:
        self._home = home
        self._environ = dict(environ)

    def path(self, instance: str) -> Path:
        """Return the agent's file."""
        return self._home / f"Library/LaunchAgents/run-claude.watch.{instance}.plist"

    def _log(self, instance: str) -> Path:
        return self._home / f"Library/Logs/run-claude-watch-{instance}.log"

    def render(self, service: Service) -> str:
        """Return the agent. launchd restarts it when it fails, not when it was asked to stop.

        :raises ConfigError: if a path has characters that no property list can have
        """
        _refuse_unprintable([*service.argv, *service.environment.values()])
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
        path, agent = self.path(service.instance), self.render(service)
        if path.exists():
            _call(["launchctl", "bootout", f"gui/{os.getuid()}", str(path)], self._environ, check=False)
        write_if_changed(path, agent, mode=0o644)
        _call(
            ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(path)],
            self._environ,
            help="launchd runs agents in a graphical session only: log in at the screen, or run `run-claude watch` by"
            " other means.",
        )
        return path

    def advice(self) -> str:
        """Return nothing: that an agent runs while its user is logged in is what is expected of it."""
        return ""

    def uninstall(self, instance: str) -> bool:
        """End and remove the agent; return whether there was one."""
        path = self.path(instance)
        if not path.exists():
            return False
        _call(["launchctl", "bootout", f"gui/{os.getuid()}", str(path)], self._environ, check=False)
        path.unlink()
        self._log(instance).unlink(missing_ok=True)
        return True


def service_manager(home: Path, environ: Mapping[str, str]) -> Systemd | Launchd:
    """Return what runs services for the user here.

    :raises ConfigError: if nothing does
    """
    if sys.platform == "darwin":
        return Launchd(home, environ)
    if shutil.which("systemctl", path=environ.get("PATH")):
        return Systemd(home, environ)
    raise caused("no-service-manager", "There is neither systemd nor launchd here to run the watcher as a service.")


def _with_runtime_folder(environ: Mapping[str, str], usual: Path) -> dict[str, str]:
    """Return an environment in which `systemctl --user` finds this user's manager.

    `su`, `sudo` and cron leave the variable out, or leave that of another user in.
    """
    named = environ.get("XDG_RUNTIME_DIR")
    try:
        if named and Path(named).stat().st_uid == os.getuid():
            return dict(environ)
    except OSError:
        pass
    rest = {name: value for name, value in environ.items() if name != "DBUS_SESSION_BUS_ADDRESS"}
    return {**rest, "XDG_RUNTIME_DIR": str(usual)}


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # known to no name service, as in a container with a user of a number only
        return str(os.getuid())


def _call(argv: Sequence[str], environ: Mapping[str, str], *, check: bool = True, help: str = "") -> None:
    problem = _problem(argv, environ)
    if problem and check:
        raise _refused(argv, problem, help)


def _problem(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """Run a command and return the last line of what went wrong; nothing if nothing did."""
    try:
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=_WITHIN, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return said[-1] if done.returncode else ""


def _refused(argv: Sequence[str], problem: str, help: str = "") -> RunClaudeError:
    return caused("service-refused", f"`{' '.join(argv)}` failed: {problem}", help=help)


def _refuse_unprintable(words: Sequence[str]) -> None:
    """Refuse what neither a unit nor a property list can hold: controls, and bytes that are no UTF-8."""
    for word in words:
        if found := re.search("[\x00-\x1f\x7f\ud800-\udfff]", word):
            raise caused(
                "service-path",
                f"A service cannot be told of a path with {found[0]!r} in it: {word!r}.",
                help="Rename that folder, or run `run-claude watch` by other means.",
            )


def _systemd_quoted(word: str) -> str:
    """Quote a word for a unit file: ``%`` means something there, and so do quotes and backslashes."""
    word = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{word}"'
