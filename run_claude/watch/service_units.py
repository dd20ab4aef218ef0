"""The watcher as a user service: a systemd unit, or a launchd agent on macOS."""

from __future__ import annotations

import os
import plistlib
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from run_claude.config.files import write_if_changed
from run_claude.domain.causes import caused
from run_claude.errors import ConfigError
from run_claude.watch.service_calls import call, passwd_home, problem_of, refused, user_name, with_runtime_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.config.paths import Paths

__all__ = ["NO_RESTART_HELPS", "Launchd", "Systemd", "service_manager"]

# What a watcher needs of the environment, and no secret: the rest is on disk.
_CARRIED: tuple[str, ...] = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_TLS", "DOCKER_TLS_VERIFY")
_FOLDERS = ("DOCKER_CONFIG", "DOCKER_CERT_PATH")  # carried as absolute paths: a service starts in another folder
_BOOTSTRAP_ATTEMPTS, _BOOTSTRAP_PAUSE = (
    20,
    0.5,
)  # the pause in seconds; launchd may return from `bootout` before the agent has ended

NO_RESTART_HELPS = 78  # EX_CONFIG of sysexits.h: how a service's watcher ends where only its user can help


@dataclass(frozen=True, slots=True)
class Service:
    """What is to be run, as which unit."""

    instance: str
    argv: tuple[str, ...]
    environment: Mapping[str, str]

    @classmethod
    def of(cls, paths: Paths, environ: Mapping[str, str]) -> Service:
        """Return the watcher of an instance, with the interpreter and the paths of now.

        The paths are named whole: a service manager knows neither what a shell has set nor another ``HOME``.
        ``-P``: what lies in the folder that it is started in, such as the home folder, is imported by nobody.
        """
        carried = {"RUN_CLAUDE_HOME": str(paths.config), "RUN_CLAUDE_STATE": str(paths.state)}
        carried |= {name: environ[name] for name in _CARRIED if environ.get(name)}
        carried |= {name: str(Path(environ[name]).absolute()) for name in _FOLDERS if environ.get(name)}
        argv = (sys.executable, "-P", "-m", "run_claude", "--instance", paths.instance, "watch")
        return cls(paths.instance, argv, carried)


class Systemd:
    """systemd's user manager.

    :param root: where `run` and `var` are, for the tests
    """

    def __init__(self, home: Path, environ: Mapping[str, str], root: Path = Path("/")) -> None:
        config = environ.get("XDG_CONFIG_HOME") or ""
        self._folder = (Path(config) if config.startswith("/") else home / ".config") / "systemd/user"
        self._root = root
        self._environ = with_runtime_folder(environ, root / f"run/user/{os.getuid()}")

    def path(self, instance: str) -> Path:
        """Return the unit's file."""
        return self._folder / f"run-claude-watch-{instance}.service"

    def render(self, service: Service) -> str:
        """Return the unit. systemd restarts it when it fails, not when it was asked to stop or is no longer there.

        The shell runs the program, because systemd refuses a path with quotes or backslashes as that of a program, and
        expands no ``$$`` in it. In arguments it does, in ``Environment=`` a ``$`` is a ``$`` (systemd 252 and 257).

        :raises ConfigError: if a path has characters that no unit can have
        """
        words = [*service.argv, f"--no-restart-helps={NO_RESTART_HELPS}"]
        _refuse_unprintable([*words, *service.environment.values()])
        argv = " ".join(_systemd_quoted(word).replace("$", "$$") for word in words)
        lines = ["[Unit]", f"Description=run-claude: watches the stack {service.instance}", "", "[Service]"]
        lines += [f"""ExecStart=/bin/sh -c 'exec "$$@"' sh {argv}"""]
        lines += [f"Environment={_systemd_quoted(f'{name}={value}')}" for name, value in service.environment.items()]
        lines += ["Restart=on-failure", "RestartSec=5", "SuccessExitStatus=130 143"]
        lines += [f"RestartPreventExitStatus=2 3 9 {NO_RESTART_HELPS} 126 127"]
        return "\n".join([*lines, "", "[Install]", "WantedBy=default.target", ""])

    def install(self, service: Service) -> Path:
        """Write the unit, and have it run now and at each login.

        It is enabled by its path: the manager, which may look elsewhere than this environment says, links it then.

        :raises ConfigError: if systemd refuses it, or there is no user manager; no unit is left then
        """
        path, unit = self.path(service.instance), self.render(service)
        self._expect_manager()  # nothing is written where there is none
        write_if_changed(path, unit, mode=0o644)
        try:
            self._systemctl("daemon-reload")
            self._systemctl("enable", str(path))
            self._systemctl("restart", path.name)
        except ConfigError:
            self.uninstall(service.instance)
            raise
        return path

    def advice(self) -> str:
        """Return how to have the user's services run while the user is not logged in; nothing if they do."""
        user = user_name()
        if (self._root / "var/lib/systemd/linger" / user).exists():
            return ""
        return f"It ends when you log out; to have it run from boot on: sudo loginctl enable-linger {user}"

    def uninstall(self, instance: str) -> bool:
        """End and remove the unit; return whether there was one."""
        path = self.path(instance)
        if not path.exists():
            return False
        unit = path.resolve()  # a link, if it was installed with another XDG_CONFIG_HOME
        self._systemctl("disable", "--now", path.name, check=False)
        # Where no user manager runs, `disable` cannot remove the links that `enable` has made.
        for folder in {path.parent, passwd_home() / ".config/systemd/user"}:
            for link in (folder / path.name, folder / "default.target.wants" / path.name):
                if link.is_symlink() and link.resolve() == unit:
                    link.unlink()
        unit.unlink(missing_ok=True)
        self._systemctl("daemon-reload", check=False)
        return True

    def _expect_manager(self) -> None:
        """Tell apart why no user manager answers.

        :raises ConfigError: if none does
        """
        problem = problem_of(["systemctl", "--user", "show-environment"], self._environ)
        if not problem:
            return
        if not (self._root / "run/systemd/system").is_dir():  # as sd_booted(3) asks
            raise caused("no-service-manager", "systemd is installed here, but does not run this machine.")
        user, folder = user_name(), self._environ["XDG_RUNTIME_DIR"]
        if not (Path(folder) / "systemd/private").exists():
            yourself = ", or run this without sudo" if self._environ.get("SUDO_USER") else ""
            raise caused(
                "no-user-manager",
                f"systemd runs no user manager for {user}: there is no {folder}/systemd/private ({problem}).",
                help=f"Have it run from boot on, `sudo loginctl enable-linger {user}`, or log in as {user} rather than"
                f" by su or sudo{yourself}. Then run `run-claude watch install` again.",
            )
        raise refused(["systemctl", "--user", "show-environment"], problem)

    def _systemctl(self, *arguments: str, check: bool = True) -> None:
        call(["systemctl", "--user", *arguments], self._environ, check=check)


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
        """Return the agent. launchd restarts it when it fails: not when it was asked to stop, or no restart helps.

        :raises ConfigError: if a path has characters that no property list can have
        """
        _refuse_unprintable([*service.argv, *service.environment.values()])
        log = self._log(service.instance)
        return plistlib.dumps(
            {
                "Label": f"run-claude.watch.{service.instance}",
                "ProgramArguments": [*service.argv, "--no-restart-helps=0"],
                "EnvironmentVariables": dict(service.environment),
                "RunAtLoad": True,
                "KeepAlive": {"SuccessfulExit": False},
                "StandardOutPath": str(log),
                "StandardErrorPath": str(log),
            }
        ).decode()

    def install(self, service: Service) -> Path:
        """Write the agent, and have it run now and at each login.

        :raises ConfigError: if launchd refuses it; no agent is left then
        """
        path, agent = self.path(service.instance), self.render(service)
        attempts = 1
        if path.exists():
            call(["launchctl", "bootout", f"gui/{os.getuid()}", str(path)], self._environ, check=False)
            attempts = _BOOTSTRAP_ATTEMPTS
        write_if_changed(path, agent, mode=0o644)
        try:
            self._bootstrap(path, attempts)
        except ConfigError:
            self.uninstall(service.instance)
            raise
        return path

    def _bootstrap(self, path: Path, attempts: int) -> None:
        argv = ["launchctl", "bootstrap", f"gui/{os.getuid()}", str(path)]
        problem = ""
        for attempt in range(attempts):
            if attempt:
                time.sleep(_BOOTSTRAP_PAUSE)
            if not (problem := problem_of(argv, self._environ)):
                return
        raise refused(
            argv,
            problem,
            help="launchd runs agents in a graphical session only: log in at the screen, or run `run-claude watch` by"
            " other means.",
        )

    def advice(self) -> str:
        """Return nothing: that an agent runs while its user is logged in is what is expected of it."""
        return ""

    def uninstall(self, instance: str) -> bool:
        """End and remove the agent; return whether there was one."""
        path = self.path(instance)
        if not path.exists():
            return False
        call(["launchctl", "bootout", f"gui/{os.getuid()}", str(path)], self._environ, check=False)
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
