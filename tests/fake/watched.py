"""A watcher that runs on the stage, and what it reports."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio

from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Service
from run_claude.domain.supervision_memory import Memory, Policy
from run_claude.state.intent import Intent, save_intent
from run_claude.state.watch_memory import load_memory
from run_claude.watch.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Literal

    from run_claude.domain.lifecycle import Transition
    from run_claude.errors import RunClaudeError
    from tests.fake.stage import Stage


__all__ = ["QUICK", "UNUSABLE", "Heard", "Watch", "can_start", "cannot_start", "wants", "watched"]

QUICK = Policy(settle=0.0, backoff=0.001, backoff_max=0.002)
UNUSABLE = caused("litellm-config", "no such model")  # no restart removes it


class Heard:
    """A listener that keeps what the watcher reports, and lets a test wait for it."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self._more = anyio.Event()

    def transition(self, transition: Transition) -> None:
        self.notify("transition", to=transition.after.phase.value)

    def notify(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))
        self._more.set()
        self._more = anyio.Event()

    def names(self) -> list[str]:
        """Return the events but transitions, in order."""
        return [event for event, _ in self.events if event != "transition"]

    async def until(self, event: str, times: int = 1) -> dict[str, Any]:
        """Return the facts of an event, once it has come so often."""
        with anyio.fail_after(10):
            while len(found := [facts for name, facts in self.events if name == event]) < times:
                await self._more.wait()
        return found[times - 1]


class Watch:
    """A watcher that runs, and what it reports."""

    def __init__(self, stage: Stage, heard: Heard) -> None:
        self.stage = stage
        self.heard = heard

    async def look(self) -> None:
        """Have it consider what is now; return when it has."""
        observer = await self.stage.session.observe()
        await observer.refresh()
        await anyio.wait_all_tasks_blocked()

    @property
    def memory(self) -> Memory:
        """What the next watcher would know."""
        return load_memory(self.stage.settings.paths.watch_file)


@asynccontextmanager
async def watched(stage: Stage, policy: Policy = QUICK) -> AsyncIterator[Watch]:
    """Run a watcher for the time of the block."""
    heard = Heard()
    async with anyio.create_task_group() as group:
        group.start_soon(Supervisor(stage.session, heard, policy).run)
        await heard.until("watching")
        yield Watch(stage, heard)
        group.cancel_scope.cancel()


def wants(stage: Stage, wanted: Literal["up", "down"] = "up", *, database: bool = False, at: float = 1.0) -> None:
    """Have the user want something."""
    stage.deployed(database=database)
    intent = Intent(wanted=wanted, database=database, profile="demo", at=at)
    save_intent(stage.settings.paths.intent_file, intent)


def cannot_start(stage: Stage, error: RunClaudeError = UNUSABLE) -> None:
    """Have Compose create the proxy's container, and fail to start it."""
    stage.compose.up_makes[Service.LITELLM] = lambda container: None
    stage.compose.fails["up"] = error


def can_start(stage: Stage) -> None:
    """Take that back."""
    stage.compose.up_makes.clear()
    stage.compose.fails.clear()
