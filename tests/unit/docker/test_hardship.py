"""What the observer owes when engines, networks and laptops misbehave: silence, clocks, floods, upgrades, nonsense."""

from __future__ import annotations

import random
import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import pytest

from run_claude.docker import observer as observer_module
from run_claude.domain import timeouts
from run_claude.domain.lifecycle import Phase, Service, Transition
from tests.fake.engine import RING, Dialect, FakeEngine
from tests.fake.waiting import transition_to, until, until_litellm, until_watched

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.docker.observer import Subscription
    from tests.fake.waiting import Observing

pytestmark = pytest.mark.anyio

LITELLM, DATABASE = Service.LITELLM, Service.TIMESCALEDB
HOUR = 3600.0


@pytest.fixture
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A heart that beats often, and looks at all that never come by themselves."""
    monkeypatch.setattr(observer_module, "HEARTBEAT", 0.05)
    monkeypatch.setattr(timeouts, "ENGINE_LOOK", 0.5)
    monkeypatch.setattr(observer_module, "RESYNC", HOUR)


async def nothing_more(seen: Subscription) -> None:
    """Fail if another transition is told within a moment."""
    with anyio.move_on_after(0.05):
        raise AssertionError(f"told: {await anext(seen)}")


# --- what an event costs ------------------------------------------------------------------------------------------


async def test_an_event_leads_to_one_inspect_of_its_container_alone(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    engine.container(DATABASE)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        before = engine.requests.copy()
        litellm.turns(Phase.UNHEALTHY)
        await until_litellm(observer, Phase.UNHEALTHY)
        assert engine.requests - before == {"/containers/{id}/json": 1}


async def test_a_container_that_a_die_leads_to_and_that_is_gone_is_absent(
    engine: FakeEngine, observing: Observing
) -> None:
    litellm = engine.container(LITELLM)
    engine.container(DATABASE)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        engine.containers.remove(litellm)
        litellm.says("die", exit=137)
        assert (await until_litellm(observer, Phase.ABSENT)).timescaledb.phase is Phase.HEALTHY


async def test_an_event_of_a_container_nobody_has_heard_of_leads_to_a_look_at_all(
    engine: FakeEngine, observing: Observing
) -> None:
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        engine.container(LITELLM, Phase.STARTING).says("start")  # its `create` was lost
        await until_litellm(observer, Phase.STARTING)


async def test_a_recreation_is_followed_to_the_new_container(engine: FakeEngine, observing: Observing) -> None:
    old = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        new = engine.container(LITELLM, Phase.CREATED)
        new.says("create")
        assert (await observer.refresh()).litellm.id == old.id  # the one that runs
        old.dies(143)
        old.goes()
        new.says("rename")
        new.starts()
        new.turns(Phase.HEALTHY)
        snapshot = await until(observer, lambda now: now.litellm.id == new.id and now.litellm.phase is Phase.HEALTHY)
        assert snapshot.litellm.id != old.id


async def test_an_event_that_comes_before_what_it_explains_is_its_cause(
    engine: FakeEngine, observing: Observing
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            litellm.says("oom")
            await until(observer, lambda now: bool(observer.recent))
            await observer.refresh()  # and nothing has changed yet
            litellm.dies(137)
            assert (await transition_to(seen, Phase.EXITED)).cause == "out of memory"
            litellm.starts()
            await transition_to(seen, Phase.STARTING)
            litellm.dies(1)
            assert (await transition_to(seen, Phase.EXITED)).cause == "exited with 1"


# --- silence ------------------------------------------------------------------------------------------------------


async def test_a_stream_that_has_gone_deaf_is_replaced_and_nothing_becomes_unknown(
    engine: FakeEngine, observing: Observing, brisk: None
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            engine.mute()
            litellm.dies(1)
            await observer.refresh()  # finds what no event told
            with anyio.fail_after(5):
                await engine.until(lambda engine: len(engine.subscribed_since) == 2)
            litellm.starts()
            told = [(await transition_to(seen, phase)).after.phase for phase in (Phase.EXITED, Phase.STARTING)]
            await nothing_more(seen)
    assert told == [Phase.EXITED, Phase.STARTING]


async def test_a_late_event_clears_the_stream_of_suspicion(
    engine: FakeEngine, observing: Observing, brisk: None
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        litellm.becomes(Phase.EXITED, exit=1)
        await observer.refresh()
        litellm.says("die", exit=1)
        await anyio.sleep(0.3)  # six heartbeats
        assert len(engine.subscribed_since) == 1


async def test_an_engine_that_freezes_while_nothing_happens_is_found_by_a_ping(
    engine: FakeEngine, observing: Observing, brisk: None
) -> None:
    engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        engine.freeze()
        lost = await until(observer, lambda now: bool(now.lost))
        assert (lost.litellm.phase, lost.timescaledb.phase) == (Phase.UNKNOWN, Phase.UNKNOWN)
        engine.thaw()
        await until_litellm(observer, Phase.HEALTHY)


async def test_while_nothing_happens_nothing_is_asked_but_pings(
    engine: FakeEngine, observing: Observing, brisk: None
) -> None:
    engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        await observer.refresh()
        before = engine.requests.copy()
        stranger = engine.container(LITELLM, project="another")
        for _ in range(500):
            stranger.turns(Phase.UNHEALTHY)
        await anyio.sleep(0.2)
        assert set(engine.requests - before) == {"/_ping"}


# --- clocks -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_an_engine_whose_clock_was_set_loses_no_event_at_a_reconnection(
    engine: FakeEngine, observing: Observing, jump: float
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        litellm.turns(Phase.UNHEALTHY)
        await until_litellm(observer, Phase.UNHEALTHY)
        engine.set_clock(jump)
        engine.after_headers = lambda: litellm.dies(4)  # nobody is subscribed yet: only a replay tells it
        with observer.subscribe() as seen:
            engine.cut()
            assert (await transition_to(seen, Phase.EXITED)).after.exit_code == 4
        await until_watched(engine, observer)
        await until(observer, lambda now: "die" in [event.action for event in observer.recent])


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
async def test_a_jump_of_our_own_clock_makes_it_look(
    engine: FakeEngine, observing: Observing, brisk: None, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        await anyio.sleep(0.06)
        engine.silent = True  # nobody tells what happens while a laptop sleeps
        litellm.becomes(Phase.EXITED, exit=1)
        monkeypatch.setattr(observer_module, "_wall_clock", lambda: time.time() + jump)
        await until_litellm(observer, Phase.EXITED)


# --- floods -------------------------------------------------------------------------------------------------------


async def test_what_a_ring_that_overflowed_has_forgotten_is_found(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    stranger = engine.container(DATABASE, project="another")
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            engine.cut()
            litellm.dies(9)
            for _ in range(RING + 1):
                stranger.says("exec_start: true")
            back = await transition_to(seen, Phase.EXITED)
    assert (back.cause, back.after.exit_code) == ("the engine is back", 9)


@pytest.mark.parametrize("seed", range(5))
async def test_two_thousand_events_doubled_and_shuffled_end_in_what_is(
    engine: FakeEngine, observing: Observing, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 (a storm, no secret)
    both = [engine.container(service) for service in Service]
    phases = [Phase.STARTING, Phase.HEALTHY, Phase.UNHEALTHY, Phase.PAUSED, Phase.EXITED, Phase.RESTARTING]
    words = ["start", "die", "kill", "stop", "pause", "unpause", "oom", "destroy", "create", "health_status: healthy"]
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        told = []
        for number in range(2_000):
            container = chance.choice(both)
            container.becomes(chance.choice(phases))
            event = container.says(chance.choice(words))
            told.append(event)
            if chance.random() < 0.2:
                engine.tell(chance.choice(told[-50:]))
            if number % 100 == 0:
                await anyio.lowlevel.checkpoint()
        for container in both:
            container.says("die")  # the last event is the newest, as everywhere
        expected = {container.service: container.phase for container in both}
        await until(observer, lambda now: all(now[service].phase is phase for service, phase in expected.items()))
        await observer.refresh()
        assert observer.snapshot is not None
        assert {service: observer.snapshot[service].phase for service in Service} == expected
    assert len(engine.subscribed_since) == 1


# --- other engines, other words -----------------------------------------------------------------------------------


async def test_an_engine_that_is_upgraded_is_followed_on(engine: FakeEngine, observing: Observing) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        await engine.stop()
        await until(observer, lambda now: bool(now.lost))
        engine.dialect = Dialect.DOCKER_1_52
        engine.ring.clear()
        await engine.start()
        await until_litellm(observer, Phase.HEALTHY)
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            litellm.turns(Phase.UNHEALTHY)
            assert (await transition_to(seen, Phase.UNHEALTHY)).cause == "health check"


async def test_an_event_that_says_what_is_known_is_no_transition(socket: Path, observing: Observing) -> None:
    async with FakeEngine(socket) as engine, observing(engine) as observer:
        litellm = engine.container(LITELLM, Phase.STARTING)
        await until_watched(engine, observer)
        await observer.refresh()
        with observer.subscribe() as seen:
            for _ in range(20):
                litellm.turns(Phase.HEALTHY)
            first = await transition_to(seen, Phase.HEALTHY)
            assert first.cause == "health check"
            await nothing_more(seen)


@pytest.mark.parametrize("odd", [{"Status": "sleeping"}, {"Status": None}, {"StartedAt": "soon"}, {"Health": "good"}])
async def test_an_answer_that_makes_no_sense_is_unknown_until_one_does(
    engine: FakeEngine, observing: Observing, odd: dict[str, object]
) -> None:
    litellm = engine.container(LITELLM)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        litellm.odd = odd
        litellm.says("start")
        lost = await until(observer, lambda now: bool(now.lost))
        assert "cannot be understood" in lost.lost
        litellm.odd = {}
        await until_litellm(observer, Phase.HEALTHY)


@pytest.mark.parametrize("path", ["/info", "/containers/json", "/events"])
async def test_an_engine_in_trouble_is_asked_again_until_it_answers(
    engine: FakeEngine, observing: Observing, path: str
) -> None:
    engine.container(LITELLM)
    engine.failing[path] = 3
    async with observing(engine) as observer:
        await until_litellm(observer, Phase.HEALTHY)
        with anyio.fail_after(5):
            await engine.until(lambda engine: not engine.failing[path])
        await until_watched(engine, observer)


async def test_the_last_good_news_is_never_told_while_the_engine_is_away(
    engine: FakeEngine, observing: Observing
) -> None:
    engine.container(LITELLM)
    engine.container(DATABASE)
    async with observing(engine) as observer:
        await until_watched(engine, observer)
        with observer.subscribe() as seen:
            await engine.stop()
            lost = await transition_to(seen, Phase.UNKNOWN)
            assert isinstance(lost, Transition)
            assert lost.before.phase is Phase.HEALTHY
            assert observer.snapshot is not None
            assert observer.snapshot.lost == lost.cause
            assert not observer.snapshot.healthy([LITELLM])
