"""The watcher's loop: looks, decides, acts, looks again; on a fake engine, with a fake Compose."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from run_claude.docker import observer as observer_module
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service, Transition
from run_claude.domain.supervision_memory import Memory, Policy
from run_claude.errors import BusyError
from run_claude.state.intent import Intent, save_intent
from run_claude.state.watch_memory import load_memory, save_memory
from run_claude.watch import supervisor
from run_claude.watch.supervisor import Supervisor, watching
from tests.fake.stage import LONG, Stage, TimeLimit
from tests.marks import begun

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from typing import Literal

    from run_claude.errors import RunClaudeError

pytestmark = pytest.mark.anyio

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM
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
    stage.compose.up_makes[PROXY] = lambda container: None
    stage.compose.fails["up"] = error


def can_start(stage: Stage) -> None:
    """Take that back."""
    stage.compose.up_makes.clear()
    stage.compose.fails.clear()


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """While blocked, look at once whether something has changed."""
    monkeypatch.setattr(supervisor, "BLOCKED_TICK", 0.001)
    yield


# --- one watcher ------------------------------------------------------------------------------------------------------


@pytest.mark.cause("already-watched")
async def test_there_is_one_watcher_for_an_instance(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    other = replace(stage.settings, instance="other", paths=replace(stage.settings.paths, instance="other"))
    monkeypatch.setattr(supervisor, "FREE_WITHIN", 0.001)
    async with watching(stage.settings), watching(other):
        with pytest.raises(BusyError, match=r"run-claude watch \(pid \d+\)") as caught:
            async with watching(stage.settings):
                pass
    assert caught.value.code == "already-watched"
    async with watching(stage.settings):
        pass


# --- what is healed ---------------------------------------------------------------------------------------------------


async def test_what_is_well_is_left_alone(stage: Stage) -> None:
    wants(stage)
    stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
    assert watch.heard.events == [("watching", {"timescaledb": "absent", "litellm": "healthy"})]
    assert not stage.compose.calls


async def test_what_dies_is_started(stage: Stage) -> None:
    wants(stage)
    container = stage.has(PROXY)
    async with watched(stage) as watch:
        container.dies(1)
        healed = await watch.heard.until("healed")
    assert stage.compose.of("up") == [("litellm",)]
    assert healed["service"] == "litellm"
    assert watch.heard.names() == ["watching", "action", "healed"]


async def test_both_that_are_down_are_started_at_once(stage: Stage) -> None:
    wants(stage, database=True)
    async with watched(stage) as watch:
        await watch.heard.until("healed")
    assert stage.compose.of("up") == [("timescaledb", "litellm")]


async def test_what_is_unhealthy_is_restarted(stage: Stage) -> None:
    wants(stage)
    stage.has(PROXY, Phase.UNHEALTHY)
    async with watched(stage) as watch:
        action = await watch.heard.until("action")
        await watch.heard.until("healed")
    assert action == {"action": "restart", "service": "litellm", "reason": "unhealthy", "attempt": 1, "of": 5}
    assert [call[0] for call in stage.compose.calls] == ["stop", "up"]


async def test_an_attempt_that_fails_is_followed_by_another(stage: Stage) -> None:
    wants(stage)
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    async with watched(stage) as watch:
        failed = await watch.heard.until("failed")
        stage.compose.up_makes.clear()
        await watch.heard.until("healed")
    assert failed["service"] == "litellm"
    assert failed["code"] == "container-died"
    assert watch.memory.consecutive_failures >= 1


async def test_a_pause_that_is_worth_noting_is_reported_once(stage: Stage) -> None:
    wants(stage)
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    async with watched(stage, replace(QUICK, backoff=100.0, backoff_max=100.0)) as watch:
        await watch.heard.until("waiting")
        await watch.look()
    assert watch.heard.names() == ["watching", "action", "failed", "waiting"]


async def test_an_action_that_never_ends_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wants(stage)
    limit = TimeLimit(monkeypatch)
    monkeypatch.setattr(supervisor, "ACT_WITHIN", LONG)
    stage.compose.hangs.add("up")
    async with watched(stage) as watch:
        await watch.heard.until("action")
        limit.run_out()
        failed = await watch.heard.until("failed")
    assert failed["code"] == "engine-frozen"


# --- a container that Docker restarts again and again -----------------------------------------------------------------


def loops(stage: Stage, *log: str) -> None:
    container = stage.has(PROXY, Phase.RESTARTING)
    container.exit_code, container.restarts, container.log = 1, 3, begun(*log)


async def test_a_loop_is_looked_into_once_and_left_to_docker(stage: Stage) -> None:
    wants(stage)
    loops(stage, "a mystery")
    async with watched(stage) as watch:
        looping = await watch.heard.until("looping")
        await watch.look()
    assert looping["code"] == "container-looping"
    assert watch.heard.names() == ["watching", "action", "looping"]
    assert watch.memory.attempts == (), "Docker's restarts are none of the watcher's"


async def test_a_loop_that_cannot_end_is_stopped_and_blocks(stage: Stage) -> None:
    wants(stage)
    loops(stage, "yaml.scanner.ScannerError: no")
    async with watched(stage) as watch:
        blocked = await watch.heard.until("blocked")
        await watch.look()
    assert blocked["code"] == "litellm-config"
    assert stage.compose.of("stop") == [("litellm",)]
    assert stage.compose.of("up") == []


# --- what no attempt would change -------------------------------------------------------------------------------------


async def test_a_cause_that_no_restart_removes_blocks_until_a_file_changes(stage: Stage, ticking: None) -> None:
    wants(stage)
    cannot_start(stage)
    async with watched(stage) as watch:
        blocked = await watch.heard.until("blocked")
        await watch.look()
        assert len(stage.compose.of("up")) == 1
        can_start(stage)
        stage.settings.paths.litellm_config.write_text("mended: true")
        await watch.heard.until("healed")
        await watch.heard.until("unblocked")
    assert (blocked["service"], blocked["code"], blocked["message"]) == ("litellm", "litellm-config", "no such model")
    assert watch.heard.names().count("blocked") == 1
    assert watch.memory.block is None


async def test_a_port_that_is_freed_is_reason_enough(
    stage: Stage, ticking: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    wants(stage)
    free = False
    monkeypatch.setattr("run_claude.watch.fingerprint.is_free", lambda bind, port: free)
    monkeypatch.setattr("run_claude.stack.holders.process_on", lambda port: "")
    detail = f"listen tcp4 127.0.0.1:{stage.settings.port}: bind: address already in use"
    cannot_start(stage, caused("port-taken", "taken", detail=detail))
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
        can_start(stage)
        free = True
        await watch.heard.until("healed")


async def test_the_next_watcher_knows_of_the_block_and_reports_it_once(stage: Stage, ticking: None) -> None:
    wants(stage)
    cannot_start(stage)
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
        await watch.look()
        await watch.look()
    assert watch.heard.names() == ["watching", "blocked"]
    assert len(stage.compose.of("up")) == 1


async def test_a_spent_budget_blocks(stage: Stage, ticking: None) -> None:
    wants(stage)
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    async with watched(stage, replace(QUICK, consecutive_failures=2)) as watch:
        blocked = await watch.heard.until("blocked")
        await watch.look()
    assert blocked["code"] == "watch-gave-up"
    assert len(stage.compose.of("up")) == 2


# --- what the user wants ----------------------------------------------------------------------------------------------


async def test_without_a_word_of_the_users_nothing_is_done(stage: Stage) -> None:
    async with watched(stage) as watch:
        await watch.look()
    assert watch.heard.names() == ["watching"]


async def test_what_the_user_wants_now_is_reported_and_done(stage: Stage) -> None:
    wants(stage, "down")
    async with watched(stage) as watch:
        await watch.look()
        assert not stage.compose.calls
        wants(stage, "up", at=2.0)
        await watch.look()
        assert await watch.heard.until("intent") == {"wanted": "up", "database": False}
        await watch.heard.until("healed")
        stage.settings.paths.intent_file.unlink()
        stage.container(PROXY).dies(1)
        await watch.look()
    assert len(stage.compose.of("up")) == 1, "what was wanted is forgotten with its file"


async def test_a_start_by_the_user_ends_a_block(stage: Stage, ticking: None) -> None:
    wants(stage)
    cannot_start(stage)
    async with watched(stage) as watch:
        await watch.heard.until("blocked")
        can_start(stage)
        wants(stage, at=2.0)
        await watch.heard.until("healed")


async def test_what_the_user_stops_stays_stopped(stage: Stage) -> None:
    wants(stage)
    stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        await stage.compose.stop([PROXY])
        left = await watch.heard.until("left-alone")
        await watch.look()
    assert left == {"message": "litellm was stopped on purpose"}
    assert watch.heard.names() == ["watching", "left-alone"]
    assert not stage.compose.of("up")


async def test_a_service_that_the_user_has_stopped_is_not_started_with_the_other(stage: Stage) -> None:
    wants(stage, database=True)
    stage.has(DB)
    proxy = stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        await stage.compose.stop([DB])
        await watch.heard.until("left-alone")
        proxy.dies(1)
        await watch.heard.until("healed")
    assert stage.compose.of("up") == [("litellm",)]


async def test_a_stop_that_a_busy_engine_tells_late_is_one(stage: Stage) -> None:
    wants(stage)
    proxy = stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        proxy.says("kill", signal=15)
        proxy.dies(143)
        await watch.look()
        await watch.look()
        proxy.says("stop")
        await watch.heard.until("left-alone")
    assert not stage.compose.of("up")


async def test_who_may_have_been_stopped_is_not_started_with_the_other(stage: Stage) -> None:
    wants(stage, database=True)
    database, proxy = stage.has(DB), stage.has(PROXY)
    async with watched(stage) as watch:
        await watch.look()
        proxy.says("kill", signal=15)
        proxy.dies(143)
        await watch.look()
        database.dies(1)
        await watch.heard.until("healed")
        proxy.says("stop")
        await watch.heard.until("left-alone")
    assert stage.compose.of("up") == [("timescaledb",)]


async def test_a_signal_that_was_no_stop_is_healed_a_moment_later(stage: Stage) -> None:
    wants(stage)
    proxy = stage.has(PROXY)
    async with watched(stage, replace(QUICK, stopping=0.02)) as watch:
        await watch.look()
        proxy.says("kill", signal=15)
        proxy.dies(143)
        await watch.heard.until("healed")
    assert stage.compose.of("up") == [("litellm",)]


# --- other commands, other watchers -----------------------------------------------------------------------------------


async def test_while_another_command_works_it_waits_and_then_looks_again(stage: Stage) -> None:
    wants(stage)
    container = stage.has(PROXY)
    writing, has_acted = stage.session.writing, anyio.Event()

    @asynccontextmanager
    async def noted(purpose: str) -> AsyncIterator[bool]:
        async with writing(purpose) as waited:
            yield waited
        has_acted.set()

    async with watched(stage) as watch:
        async with writing("proxy start"):
            stage.session.writing = noted  # type: ignore[method-assign]
            container.dies(1)
            await watch.heard.until("transition")
            await watch.look()
            assert stage.reporter.steps[0].startswith("Waiting for run-claude proxy start")
            container.starts()
            container.turns(Phase.HEALTHY)
        await has_acted.wait()
    assert watch.heard.names() == ["watching"]
    assert not stage.compose.calls


async def test_a_command_that_works_for_too_long_is_reported_and_waited_for(stage: Stage) -> None:
    object.__setattr__(stage.settings, "lock_timeout", 0.0)
    wants(stage)
    async with stage.session.writing("proxy start"), watched(stage) as watch:
        failed = await watch.heard.until("failed")
    assert failed["code"] == "busy"
    assert "service" not in failed


async def test_a_stop_that_a_killed_watcher_has_made_is_not_the_users(stage: Stage) -> None:
    wants(stage)
    observer = await stage.session.observe()
    await observer.refresh()
    stage.has(PROXY)
    await stage.compose.stop([PROXY])
    now = time.time()
    acting = Memory(acting="restart litellm", last=now, attempts=(now,), consecutive_failures=1, intended=1.0)
    save_memory(stage.settings.paths.watch_file, acting)
    async with watched(stage) as watch:
        await watch.heard.until("healed")


async def test_a_stop_after_the_last_watcher_has_ended_well_is_the_users(stage: Stage) -> None:
    wants(stage)
    observer = await stage.session.observe()
    await observer.refresh()
    save_memory(stage.settings.paths.watch_file, Memory(last=time.time() - 60))
    stage.has(PROXY)
    await stage.compose.stop([PROXY])
    await observer.refresh()
    async with watched(stage) as watch:
        await watch.heard.until("left-alone")


async def test_transitions_that_come_too_fast_are_counted(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    wants(stage, "down")
    monkeypatch.setattr(observer_module, "_BUFFERED", 1)
    both = [stage.has(service, Phase.STARTING) for service in (DB, PROXY)]
    async with watched(stage) as watch:
        for container in both:
            container.becomes(Phase.HEALTHY)
        await watch.look()
        assert await watch.heard.until("missed") == {"count": 1}


# --- when the machine fails -------------------------------------------------------------------------------------------


async def test_an_engine_that_comes_back_is_given_time_to_settle(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_BACKOFF_FIRST", "_BACKOFF_REACHED", "_BACKOFF_MAX"):
        monkeypatch.setattr(observer_module, name, 0.001)
    wants(stage)
    async with watched(stage, replace(QUICK, settle=0.005)) as watch:
        await watch.heard.until("healed")
        stage.engine.failing["/containers"] = 1
        stage.engine.cut()
        await watch.heard.until("transition", 3)
        stage.container(PROXY).dies(1)
        await watch.heard.until("healed", 2)
    assert len(stage.compose.of("up")) == 2


async def test_an_engine_that_refuses_in_the_middle_is_reported_and_asked_again(stage: Stage) -> None:
    wants(stage)
    original = stage.session.writing
    calls = 0

    @asynccontextmanager
    async def refuses_once(purpose: str) -> AsyncIterator[bool]:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise caused("engine-refused", "500")
        async with original(purpose) as waited:
            yield waited

    stage.session.writing = refuses_once  # type: ignore[method-assign]
    async with watched(stage) as watch:
        await watch.heard.until("failed")
        await watch.heard.until("healed")


async def test_a_memory_that_cannot_be_written_stops_nothing(stage: Stage) -> None:
    wants(stage)
    stage.settings.paths.watch_file.mkdir()
    async with watched(stage) as watch:
        failed = await watch.heard.until("failed")
        await watch.heard.until("healed")
    assert failed["code"] == "file-unreadable"


# --- a command that was killed half-way -------------------------------------------------------------------------------


async def test_what_a_killed_command_has_stopped_to_start_again_is_started(stage: Stage, ticking: None) -> None:
    wants(stage)
    stage.has(PROXY)
    async with watched(stage) as watch:
        async with stage.session.writing("proxy restart"):
            stage.session.begin("proxy restart", [PROXY])
            await stage.compose.stop([PROXY])
            await watch.heard.until("left-alone")  # as long as the command works, that is its own business
            assert "action" not in watch.heard.names()
        await watch.heard.until("healed")
    assert stage.container(PROXY).phase is Phase.HEALTHY
    assert stage.session.unfinished() is None


async def test_a_build_or_a_pull_is_not_within_the_limit_of_an_action(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "ACT_WITHIN", LONG)
    limit = TimeLimit(monkeypatch)
    wants(stage)
    stage.engine.images.clear()
    original = stage.compose.build

    async def takes_long(*arguments: Any, **options: Any) -> None:
        limit.run_out()  # whatever is limited now is over
        limit.begin_again()
        await original(*arguments, **options)

    monkeypatch.setattr(stage.compose, "build", takes_long)
    async with watched(stage) as watch:
        await watch.heard.until("healed")
    assert "failed" not in watch.heard.names()
