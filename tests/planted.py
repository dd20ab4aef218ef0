"""Secrets that the tests plant, and the places where they must not show: over the whole run, by every tier.

``Instance`` plants some into the environment of each command, and hands over those that a stack generates. A value is
kept until the run ends; whatever is heard from any command is searched for all of them.
"""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING

from tests.docker_api import DockerApi

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["PLANTED", "Processes", "check_containers", "check_files", "check_text", "keep"]

# None of these belongs to a provider that a profile would take it for.
PLANTED = {
    "PLANTED_API_KEY": "planted-8d1f5a77c0be-api",
    "GITHUB_TOKEN": "ghp_planted4f0a6b21d9c84e57a3b1",
    "PGPASSWORD": "planted-66c2e9-pg",
}
_kept: set[str] = set(PLANTED.values())

# `env` and `with` hand the master key to their user on purpose, `secrets export` to a file.
_ON_PURPOSE = ({"env"}, {"with"}, {"secrets", "export"})
_SECRET_FILES = {".env", "litellm.json", "postgres_password", "build.env", ".envrc"}


def keep(values: Iterable[str]) -> None:
    """Remember these as secrets from now on."""
    _kept.update(value for value in values if len(value) >= 12)


def found_in(text: str) -> list[str]:
    """Return the ends of the secrets that stand in the text."""
    return [f"…{value[-6:]}" for value in _kept if value in text]


def check_text(arguments: Iterable[str], *texts: str) -> None:
    """Fail if a command has printed a secret, unless that is what it is for."""
    words = set(arguments)
    if not any(purpose <= words for purpose in _ON_PURPOSE):
        for text in texts:
            assert not found_in(text), f"{' '.join(arguments)} prints a secret ({found_in(text)})"


def check_files(folder: Path) -> None:
    """Fail if a file holds a secret, unless it is one of those that are for secrets."""
    for path in folder.rglob("*"):
        if path.name in _SECRET_FILES or path.name.startswith(".env") or not path.is_file() or path.is_symlink():
            continue
        assert not found_in(path.read_bytes().decode(errors="replace")), f"{path} holds a secret"


def check_containers(project: str, api: DockerApi | None = None) -> None:
    """Fail if the engine shows a secret: of a container, its log, its processes or the history of its image."""
    api = api or DockerApi()
    lists_processes = api.get("/info")["CgroupDriver"] != "none"  # a rootless one may not; `Processes` sees them all
    for container in api.containers(project):
        id, image = container["Id"], container["ImageID"]
        shown = {
            "inspect": api.text(f"/containers/{id}/json"),
            "log": api.text(f"/containers/{id}/logs?stdout=1&stderr=1"),
            "top": api.text(f"/containers/{id}/top") if lists_processes else "",
            "history": api.text(f"/images/{image}/history"),
        }
        for where, text in shown.items():
            assert not found_in(text), f"docker {where} of {project} shows a secret ({found_in(text)})"


class Processes:
    """Looks at every command line of the machine, again and again, for as long as it is open.

    A process is looked at each time while it is young, for that is when it becomes another program; an old one every
    second. Among 300 processes a look takes 0.2 ms instead of 15.
    """

    YOUNG, AGAIN = 0.5, 1.0  # seconds

    def __init__(self, every: float, *, found: Callable[[str], object] = found_in) -> None:
        self._every = every  # seconds
        self._found = found
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="planted", daemon=True)
        self._since: dict[str, float] = {}  # when a process was first seen, by its number
        self._whole = 0.0  # when the old ones were last looked at
        self.seen: list[str] = []  # command lines with a secret in them
        self.looked = 0

    def __enter__(self) -> Processes:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            self._look(time.monotonic())
            self.looked += 1

    def _look(self, now: float) -> None:
        pids = [name for name in os.listdir("/proc") if name.isdecimal()]  # noqa: PTH208 (a third of iterdir's time)
        self._since = {pid: self._since.get(pid, now) for pid in pids}
        if whole := now - self._whole >= self.AGAIN:
            self._whole = now
        for pid, since in self._since.items():
            if not whole and now - since > self.YOUNG:
                continue
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123 (as above)
                    line = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue  # it has ended
            if self._found(line) and line not in self.seen:
                self.seen.append(line)
