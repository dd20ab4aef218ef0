"""What the observer owes: one true snapshot, whatever the engine and its event stream do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.docker import observer as observer_module
from run_claude.docker.observer import Missed
from run_claude.domain import timeouts
from run_claude.domain.diagnosis import engine_frozen
from run_claude.domain.lifecycle import Phase, Service, Snapshot, Transition
from tests.fake.engine import RING, Dialect, FakeEngine
from tests.fake.waiting import open_files, transition_to, until, until_litellm, until_watched

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake.waiting import Observing

pytestmark = pytest.mark.anyio

LITELLM, DATABASE = Service.LITELLM, Service.TIMESCALEDB


# --- following ----------------------------------------------------------------------------------------------------


async def test_the_first_look_says_what_is(engine: FakeEngine, observing: Observing) -> None:
    engine.container(LITELLM, Phase.STARTING)
    async with observing(engine) as observer:
        snapshot = await until(observer, lambda now: not now.lost)
    assert snapshot.litellm.phase is Phase.STARTING
    assert snapshot.timescaledb.phase is Phase.ABSENT


@pytest.mark.parametrize("dialect", Dialect)
async def test_a_life_is_followed_in_every_dialect(socket: Path, observing: Observing, dialect: Dialect) -> None:
    async with FakeEngine(socket, dialect=dialect) as engine, observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            litellm = engine.container(LITELLM, Phase.CREATED)
            litellm.says("create")
            assert (await transition_to(seen, Phase.CREATED)).cause == "created"
            litellm.starts()
            assert (await transition_to(seen, Phase.STARTING)).cause == "started"
            litellm.turns(Phase.HEALTHY)
            assert (await transition_to(seen, Phase.HEALTHY)).cause == "health check"
            litellm.dies(137)
            died = await transition_to(seen, Phase.EXITED)
            assert (died.cause, died.after.exit_code) == ("exited with 137", 137)
            litellm.goes()
            assert (await transition_to(seen, Phase.ABSENT)).cause == "removed"


async def test_another_projects_containers_do_not_matter(engine: FakeEngine, observing: Observing) -> None:
    stranger = engine.container(LITELLM, project="another")
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        looks = engine.looks
        stranger.dies(1)
        assert (await observer.refresh()).litellm.phase is Phase.ABSENT
        assert engine.looks == looks + 1  # the one that was asked for


async def test_an_event_right_after_the_headers_is_not_lost(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    engine.after_headers = lambda: litellm.dies(3)
    async with observing(engine) as observer:
        assert (await until_litellm(observer, Phase.EXITED)).litellm.exit_code == 3
        await until_watched(engine, observer)
        assert [event.action for event in observer.recent] == ["die"]  # said by the replay, not found by a look
    assert engine.subscribed_since != [None]


# --- streams that fail --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut", "end", "garble"])
async def test_a_failed_stream_makes_the_state_unknown_and_then_right(
    engine: FakeEngine, observing: Observing, fault: str
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            getattr(engine, fault)()
            litellm.becomes(Phase.EXITED, exit=5)  # nobody says so
            lost = await transition_to(seen, Phase.UNKNOWN)
            back = await transition_to(seen, Phase.EXITED)
    assert lost.cause
    assert (back.before.phase, back.cause, back.after.exit_code) == (Phase.UNKNOWN, "the engine is back", 5)


async def test_an_event_during_a_cut_is_replayed(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        litellm.says("exec_start: true")  # not ours to see
        with observer.subscribe() as seen:
            engine.cut()
            litellm.dies(9)
            assert (await transition_to(seen, Phase.EXITED)).after.exit_code == 9
        await until_watched(engine, observer)
        await until(observer, lambda now: bool(observer.recent))  # each event leads to a look
        assert {event.action for event in observer.recent} == {"die"}


async def test_an_engine_that_restarts_with_an_empty_ring_is_seen_as_it_is(
    engine: FakeEngine, observing: Observing
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        await engine.stop()
        lost = await until(observer, lambda now: bool(now.lost))
        assert lost.litellm.phase is Phase.UNKNOWN
        litellm.becomes(Phase.EXITED, exit=255)
        engine.ring.clear()
        await engine.start()
        assert (await until_litellm(observer, Phase.EXITED)).litellm.exit_code == 255


async def test_an_engine_that_refuses_connections_is_waited_for(engine: FakeEngine, observing: Observing) -> None:
    engine.container(LITELLM)
    await engine.stop(leave_socket=True)
    async with observing(engine) as observer:
        lost = await until(observer, lambda now: bool(now.lost))
        assert "No Docker engine is running" in lost.lost
        await engine.start()
        await until_litellm(observer, Phase.HEALTHY)


async def test_a_hundred_cuts_leave_the_right_state_and_nothing_else(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    outside = len(asyncio.all_tasks())
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        tasks, connections, files = len(asyncio.all_tasks()), engine.connections, open_files()
        for number in range(100):
            engine.cut()
            litellm.becomes(Phase.HEALTHY if number % 2 else Phase.UNHEALTHY)
            await until(observer, lambda now: bool(now.lost))
            await until_watched(engine, observer)
        assert (await observer.refresh()).litellm.phase is Phase.HEALTHY
        assert len(engine.watchers) == 1
        # The look's connection and the stream's may be anew in the making, so one or two more; never one per cut.
        assert len(asyncio.all_tasks()) <= tasks + 3
        assert engine.connections <= connections + 2
        assert open_files() <= files + 4
    with anyio.fail_after(5):
        await engine.until(lambda engine: not engine.connections)  # its side learns of it a moment later
    assert len(asyncio.all_tasks()) <= outside + 1


# --- streams that lie ---------------------------------------------------------------------------------------------


async def test_a_lost_event_on_a_silent_stream_is_found_by_looking_again(
    engine: FakeEngine, observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer_module, "RESYNC", 0.05)
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            engine.silent = True
            litellm.dies(1)
            assert (await transition_to(seen, Phase.EXITED)).cause == "found by a routine check"
    assert not observer.recent


async def test_a_frozen_engine_becomes_unknown_and_comes_back(
    engine: FakeEngine, observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer_module, "RESYNC", 0.05)
    monkeypatch.setattr(timeouts, "ENGINE_LOOK", 0.2)
    engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        engine.freeze()
        frozen = await until(observer, lambda now: bool(now.lost))
        assert frozen.litellm.phase is Phase.UNKNOWN
        assert frozen.lost == engine_frozen(0.2).message
        engine.thaw()
        await until_litellm(observer, Phase.HEALTHY)


async def test_an_engine_frozen_from_the_beginning_is_told(
    engine: FakeEngine, observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "ENGINE_LOOK", 0.1)
    engine.freeze()
    async with observing(engine) as observer:
        assert (await until(observer, lambda now: bool(now.lost))).lost == engine_frozen(0.1).message


async def test_a_burst_leads_to_few_looks_and_the_right_state(engine: FakeEngine, observing: Observing) -> None:
    litellm, database = engine.container(LITELLM), engine.container(DATABASE)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        before = engine.looks
        for number in range(1_000):
            litellm.turns(Phase.UNHEALTHY if number % 2 else Phase.HEALTHY)
            database.says("health_status: healthy")
        litellm.dies(137)
        assert (await until_litellm(observer, Phase.EXITED)).litellm.exit_code == 137
        await until(observer, lambda now: observer.recent[-1].action == "die")
        last = await observer.refresh()
        assert (last.litellm.phase, last.timescaledb.phase) == (Phase.EXITED, Phase.HEALTHY)
        assert engine.looks - before < 500  # for 2,001 events; on a quiet machine some forty
    assert len(engine.ring) == RING


async def test_events_doubled_and_out_of_order_are_harmless(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        engine.silent = True
        litellm.becomes(Phase.EXITED, exit=7)
        story = [litellm.says("kill", signal=15), litellm.says("die", exit=7), litellm.says("stop")]
        engine.silent = False
        with observer.subscribe() as seen:
            for event in [*reversed(story), *story, *reversed(story)]:
                engine.tell(event)
            stopped = await transition_to(seen, Phase.EXITED)
            assert stopped.cause in ("stopped", "exited with 7")  # as far as it was told at the look
            assert (await observer.refresh()).litellm.phase is Phase.EXITED
            with anyio.move_on_after(0.05) as quiet:
                await anext(seen)
            assert quiet.cancelled_caught  # one transition, however often it is told


async def test_events_that_contradict_what_is_are_harmless(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        for action in ("die", "destroy", "health_status: unhealthy", "oom"):
            litellm.says(action)
        assert (await observer.refresh()).litellm.phase is Phase.HEALTHY


@pytest.mark.parametrize(
    "bad",
    [
        b"{}\n",
        b'{"Type":"container","Action":7,"Actor":{"Attributes":{}}}\n',
        b'{"Type":"container","Action":"die","Actor":"nobody"}\n',
        b'{"Type":"container","Action":"die","Actor":{"Attributes":["x"]}}\n',
        b'{"Type":"container","Action":"die","timeNano":"soon","Actor":{"Attributes":'
        b'{"com.docker.compose.service":"litellm"}}}\n',
        b'{"time":"soon"}\n',
        b'{"time":1e30}\n',
        b"[]\n",
        b"7\n",
        b"null\n",
    ],
)
async def test_one_bad_event_does_not_end_the_watch(engine: FakeEngine, observing: Observing, bad: bytes) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            engine.send_raw(bad)
            litellm.dies(1)
            with anyio.fail_after(5):
                first = await anext(seen)
    assert isinstance(first, Transition)
    assert first.after.phase is Phase.EXITED
    assert len(engine.subscribed_since) == 1


# --- waiting and subscribing --------------------------------------------------------------------------------------


async def test_a_slow_subscriber_is_told_what_it_missed_and_stalls_nobody(
    engine: FakeEngine, observing: Observing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(observer_module, "_BUFFERED", 8)
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as slow:
            for number in range(20):  # while the slow one reads nothing
                phase = Phase.HEALTHY if number % 2 else Phase.UNHEALTHY
                litellm.turns(phase)
                await until_litellm(observer, phase)
            with anyio.fail_after(5):
                read = [await anext(slow) for _ in range(9)]
    assert read[0] == Missed(12)
    assert [type(item) for item in read[1:]] == [Transition] * 8
    assert isinstance(read[-1], Transition)
    assert read[-1].after.phase is Phase.HEALTHY


async def test_refresh_returns_a_look_that_began_after_the_call(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with engine.holding(f"/containers/{litellm.id}/") as hold, anyio.fail_after(5):
            litellm.says("health_status: healthy")  # makes it look
            await hold.reached.wait()
            litellm.becomes(Phase.EXITED)  # after the look has seen it healthy
            async with anyio.create_task_group() as group:

                async def refresh() -> None:
                    assert (await observer.refresh()).litellm.phase is Phase.EXITED

                group.start_soon(refresh)
                await anyio.wait_all_tasks_blocked()
                hold.released.set()


async def test_refresh_waits_for_an_engine_that_is_away(engine: FakeEngine, observing: Observing) -> None:
    engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        await engine.stop()
        await until(observer, lambda now: bool(now.lost))
        async with anyio.create_task_group() as group:

            async def refresh() -> None:
                with anyio.fail_after(5):
                    assert (await observer.refresh()).litellm.phase is Phase.HEALTHY

            group.start_soon(refresh)
            await engine.start()


async def test_waiting_for_what_is_already_so_returns_at_once(engine: FakeEngine, observing: Observing) -> None:
    engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        looks = engine.looks
        await until_litellm(observer, Phase.HEALTHY)
        assert engine.looks == looks


async def test_every_waiter_is_told(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        async with anyio.create_task_group() as group:
            for _ in range(50):
                group.start_soon(until_litellm, observer, Phase.EXITED)
            await anyio.wait_all_tasks_blocked()
            litellm.dies(1)


async def test_a_waiter_whose_condition_fails_harms_nobody_else(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)

    def broken(now: Snapshot) -> None:
        raise LookupError(now.litellm.phase)

    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with pytest.raises(LookupError):
            await observer.wait_for(broken)
        litellm.dies(1)
        await until_litellm(observer, Phase.EXITED)
