"""A stage for what acts on a stack: the fake engine, a fake Compose, and an instance that was started before."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

import run_claude.docker.events
import run_claude.docker.observer  # noqa: F401 (aiohttp takes longer to import than a test)
from run_claude.config.settings import load_settings
from run_claude.deploy.compose_env import render_compose_env
from run_claude.domain.diagnosis import ProbeStages
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.progress import Silent
from run_claude.stack import evidence, holders
from run_claude.stack.session import Session
from run_claude.state import history

from .compose import FakeCompose
from .engine import FakeEngine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import pytest

    from run_claude.config.settings import Settings
    from run_claude.domain.lifecycle import Snapshot, Transition

    from .engine import Container

__all__ = ["BOTH", "IMAGE", "LONG", "PROXY_ONLY", "Stage", "TimeLimit", "staged"]

LONG = 30.0  # seconds: the limit that `TimeLimit` ends; no test waits that long

IMAGE = "run-claude-litellm:test"
BOTH = (Service.TIMESCALEDB, Service.LITELLM)
PROXY_ONLY = (Service.LITELLM,)


class TimeLimit:
    """Ends a limit of ``LONG`` seconds when the test says so: no test depends on how quick the machine is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._scopes: list[anyio.CancelScope] = []
        self._over = False
        self._fail_after = anyio.fail_after
        monkeypatch.setattr(anyio, "fail_after", self._limited)

    def run_out(self) -> None:
        """Let the time be over."""
        self._over = True
        for scope in self._scopes:
            scope.deadline = -math.inf

    def begin_again(self) -> None:
        """Let limits that begin from here on run."""
        self._over, self._scopes = False, []

    @contextmanager
    def _limited(self, delay: float | None) -> Iterator[anyio.CancelScope]:
        with self._fail_after(delay) as scope:
            if delay == LONG:
                self._scopes.append(scope)
                scope.deadline = -math.inf if self._over else scope.deadline
            yield scope


class Steps(Silent):
    """A reporter that keeps what it gets."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []
        self.lines: list[str] = []
        self.transitions: list[Transition] = []
        self.on_snapshot: Callable[[], None] = lambda: None
        self.on_transition: Callable[[Transition], None] = lambda transition: None

    def snapshot(self, snapshot: Snapshot) -> None:
        """Let the test know that the first look after `up` has come."""
        self.on_snapshot()

    def step(self, text: str) -> None:
        """Keep it."""
        self.steps.append(text)

    def line(self, text: str) -> None:
        """Keep it."""
        self.lines.append(text)

    def note(self, text: str) -> None:
        """Keep it."""
        self.notes.append(text)

    def transition(self, transition: Transition) -> None:
        """Keep it."""
        self.transitions.append(transition)
        self.on_transition(transition)


@dataclass
class Stage:
    """One instance on a fake engine."""

    engine: FakeEngine
    compose: FakeCompose
    settings: Settings
    session: Session
    reporter: Steps = field(default_factory=Steps)
    taken: set[int] = field(default_factory=set)  # ports of this machine, by a process that is none of ours

    def has(self, service: Service, phase: Phase = Phase.HEALTHY) -> Container:
        """Have a container of the instance, and say nothing."""
        return self.engine.container(service, phase, project=self.settings.instance)

    def container(self, service: Service) -> Container:
        """Return the container of a service."""
        return next(
            row for row in self.engine.containers if row.service is service and row.project == self.settings.instance
        )

    def deployed(self, *, database: bool = False) -> None:
        """Put on disk what a start leaves there, in its smallest form."""
        paths = self.settings.paths
        for folder in (paths.config, paths.secrets_dir):
            folder.mkdir(parents=True, exist_ok=True)
        variables = {"RUN_CLAUDE_LITELLM_IMAGE": IMAGE, "RUN_CLAUDE_LITELLM_INPUTS": "i1"}
        paths.compose_env_file.write_text(render_compose_env(variables))
        secrets = {"LITELLM_MASTER_KEY": "sk-planted-0123456789"} | ({"DATABASE_HOST": "db"} if database else {})
        paths.litellm_secrets.write_text(json.dumps(secrets))
        paths.database_secret.write_text("planted-password")

    def history(self) -> list[str]:
        """Return the events of the history."""
        return [str(row["event"]) for row in history.read(self.settings.paths.history_file)]


@asynccontextmanager
async def staged(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, *, name: str = "test"
) -> AsyncIterator[Stage]:
    """Yield a stage without containers; nothing of it reaches the disk by force, nor a real proxy."""
    # What is written here outlives no power cut, and has not to: fsync takes longer than a whole test.
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)

    async def no_answer(settings: Settings, *, uses_database: bool) -> ProbeStages:
        return ProbeStages(answer=0, database="", uses_database=uses_database, models=None)

    monkeypatch.setattr(evidence, "probe_stages_of", no_answer)
    taken: set[int] = set()
    monkeypatch.setattr(holders, "is_taken", lambda bind, port: port in taken)
    folder = Path(tempfile.mkdtemp(prefix="rc-"))
    try:
        async with FakeEngine(folder / "docker.sock") as engine:
            engine.images.add(IMAGE)
            settings = load_settings({**environ, "DOCKER_HOST": f"unix://{engine.socket}"}, instance=name)
            compose, reporter = FakeCompose(engine, name), Steps()
            async with Session.open(settings, reporter=reporter, compose=compose) as session:
                yield Stage(engine, compose, session.settings, session, reporter, taken)
    finally:
        shutil.rmtree(folder)
