"""What `watch` does about what is: tables, and a machine that tries to find a sequence that breaks the promises."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from run_claude.domain.lifecycle import ABSENT, ContainerEvent, Phase, Service, ServiceState, Snapshot
from run_claude.domain.supervision import Act, Blocked, Do, Rest, Wait, decide
from run_claude.domain.supervision_memory import (
    Block,
    Memory,
    Policy,
    Stop,
    attempted,
    blocked,
    intended,
    noticed,
    settled,
)

if TYPE_CHECKING:
    from run_claude.domain.supervision import Decision

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM
BOTH = (DB, PROXY)
POLICY = Policy()
NOW = 1_000_000.0


def state(phase: Phase, id: str = "c1", **more: int) -> ServiceState:
    return ABSENT if phase is Phase.ABSENT else ServiceState(phase=phase, id=id, **more)  # type: ignore[arg-type]


def snapshot(db: Phase = Phase.HEALTHY, proxy: Phase = Phase.HEALTHY) -> Snapshot:
    return Snapshot(timescaledb=state(db, "d1"), litellm=state(proxy, "p1"))


def event(action: str, service: Service = PROXY, id: str = "p1") -> ContainerEvent:
    return ContainerEvent(service=service, action=action, at_ns=1, container_id=id)


def judged(seen: Snapshot, memory: Memory | None = None, now: float = NOW) -> Decision:
    return decide(BOTH, seen, memory or Memory(), POLICY, now, jitter=0.0)


# --- what is healed, and what is left alone ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "done"),
    [
        (Phase.HEALTHY, None),
        (Phase.STARTING, None),
        (Phase.PAUSED, None),
        (Phase.REMOVING, None),
        (Phase.RESTARTING, None),
        (Phase.UNHEALTHY, Do.RESTART),
        (Phase.EXITED, Do.UP),
        (Phase.CREATED, Do.UP),
        (Phase.ABSENT, Do.UP),
    ],
)
@pytest.mark.parametrize("service", BOTH)
def test_each_phase_is_healed_or_left_alone(service: Service, phase: Phase, done: Do | None) -> None:
    decision = judged(snapshot(**{"db" if service is DB else "proxy": phase}))
    if done is None:
        assert isinstance(decision, Rest)
    else:
        assert isinstance(decision, Act)
        assert (decision.do, decision.service) == (done, service)


def test_a_database_that_is_cut_off_is_mended_itself_and_not_the_proxy_beside_it() -> None:
    cut_off = ServiceState(phase=Phase.UNHEALTHY, id="d1", cut_off=True)
    decision = judged(Snapshot(timescaledb=cut_off, litellm=state(Phase.UNHEALTHY, "p1")))
    assert decision == Act(Do.RESTART, DB, "not connected to its network", 1)


@pytest.mark.parametrize("phase", list(Phase))
def test_what_is_not_wanted_is_left_alone(phase: Phase) -> None:
    assert isinstance(decide((), snapshot(phase, phase), Memory(), POLICY, NOW), Rest)


def test_a_service_that_is_not_wanted_is_left_alone_beside_one_that_is() -> None:
    assert isinstance(decide((PROXY,), snapshot(db=Phase.EXITED), Memory(), POLICY, NOW), Rest)


def test_nothing_is_done_while_the_engine_is_out_of_reach() -> None:
    assert isinstance(judged(Snapshot.out_of_reach("no engine")), Rest)


def test_the_database_comes_first() -> None:
    decision = judged(snapshot(Phase.EXITED, Phase.UNHEALTHY))
    assert isinstance(decision, Act)
    assert decision.service is DB


# --- stopped on purpose -----------------------------------------------------------------------------------------------


def after(actions: list[str], then: Snapshot, memory: Memory | None = None, now: float = NOW) -> Memory:
    return noticed(memory or Memory(), then, [event(action) for action in actions], POLICY, now)


@pytest.mark.parametrize(
    ("actions", "healed"),
    [
        (["kill", "die", "stop"], False),  # docker stop, docker compose stop
        (["stop", "kill", "die"], False),  # in any order
        (["kill", "stop", "die", "stop", "die"], False),  # and any number of times
        (["kill", "die"], True),  # docker kill
        (["die"], True),  # a crash
        (["oom", "die"], True),
        ([], True),  # nobody told
    ],
)
def test_a_stop_on_purpose_is_told_from_a_crash(actions: list[str], healed: bool) -> None:
    down = snapshot(proxy=Phase.EXITED)
    assert isinstance(judged(down, after(actions, down)), Act) is healed


def test_a_stop_on_purpose_is_respected_for_as_long_as_it_takes_and_by_the_next_watcher() -> None:
    down = snapshot(proxy=Phase.EXITED)
    memory = after(["stop"], down)
    for later in (1.0, 3600.0, 86400.0 * 30):
        memory = noticed(memory, down, [], POLICY, NOW + later)
        assert isinstance(judged(down, memory, NOW + later), Rest)


def test_a_container_that_was_stopped_and_then_removed_is_not_made_again() -> None:
    gone = snapshot(proxy=Phase.ABSENT)
    assert isinstance(judged(gone, after(["stop", "destroy"], gone)), Rest)  # docker compose down


def test_a_crash_after_a_start_by_hand_is_healed_again() -> None:
    memory = after(["stop"], snapshot(proxy=Phase.EXITED))
    memory = after(["start"], snapshot(), memory)
    down = snapshot(proxy=Phase.EXITED)
    assert isinstance(judged(down, after(["die"], down, memory)), Act)


def test_a_crash_right_after_a_restart_by_hand_is_healed() -> None:
    down = snapshot(proxy=Phase.EXITED)
    told = [replace(event(action), at_ns=at) for at, action in enumerate(("stop", "die", "start", "die"), start=1)]
    assert isinstance(judged(down, noticed(Memory(), down, reversed(told), POLICY, NOW)), Act)


@pytest.mark.parametrize(
    ("seen", "memory", "by_hand"),
    [
        (snapshot(proxy=Phase.PAUSED), Memory(), "litellm is paused"),
        (snapshot(proxy=Phase.EXITED), Memory(stops={PROXY: Stop("p1", NOW)}), "litellm was stopped on purpose"),
        (snapshot(proxy=Phase.STARTING), Memory(), ""),
        (snapshot(), Memory(), ""),
    ],
)
def test_what_somebody_wanted_so_is_told_from_what_takes_its_time(seen: Snapshot, memory: Memory, by_hand: str) -> None:
    decision = judged(seen, memory)
    assert isinstance(decision, Rest)
    assert decision.by_hand is bool(by_hand)
    assert by_hand in decision.reason


def test_a_container_that_compose_has_replaced_is_not_taken_for_stopped() -> None:
    fresh = replace(snapshot(), litellm=state(Phase.CREATED, "p2"))
    assert isinstance(judged(fresh, after(["stop", "destroy"], fresh)), Act)


def test_the_engines_own_end_is_no_stop_on_purpose() -> None:
    memory = after(["stop"], snapshot(proxy=Phase.EXITED))
    memory = noticed(memory, Snapshot.out_of_reach("no engine"), [], POLICY, NOW + 2)
    assert isinstance(judged(snapshot(proxy=Phase.EXITED), memory, NOW + 30), Act)


def test_a_stop_long_before_the_engines_end_stays_one() -> None:
    memory = after(["stop"], snapshot(proxy=Phase.EXITED))
    memory = noticed(memory, Snapshot.out_of_reach("no engine"), [], POLICY, NOW + 600)
    assert isinstance(judged(snapshot(proxy=Phase.EXITED), memory, NOW + 700), Rest)


def signalled(number: int, *actions: str, at_ns: int = 1) -> list[ContainerEvent]:
    """Return the events of a container that gets a signal, and those that follow, each a moment later."""
    rest = [replace(event(action), at_ns=at_ns + later) for later, action in enumerate(actions, 1)]
    return [replace(event("kill"), at_ns=at_ns, signal=number), *rest]


def test_who_dies_by_the_signal_of_a_stop_may_have_been_stopped_on_purpose_as_the_engine_says_a_moment_later() -> None:
    down = snapshot(proxy=Phase.EXITED)
    memory = noticed(Memory(), down, signalled(15, "die"), POLICY, NOW)
    assert isinstance(judged(down, memory, NOW), Wait)
    assert isinstance(judged(down, noticed(memory, down, [event("stop")], POLICY, NOW + 1), NOW + 1), Rest)
    assert isinstance(judged(down, memory, NOW + POLICY.stopping), Act), "it was no stop: somebody's signal"


def test_that_is_waited_for_from_the_death_on_however_long_it_took() -> None:
    told = noticed(Memory(), snapshot(), signalled(15), POLICY, NOW)
    down = snapshot(proxy=Phase.EXITED)
    memory = noticed(told, down, [], POLICY, NOW + 60)  # the engine may show it before it says so
    assert isinstance(judged(down, memory, NOW + 60), Wait)
    again = noticed(memory, down, signalled(15, "die"), POLICY, NOW + 60 + POLICY.stopping)  # as a new connection does
    assert isinstance(judged(down, again, NOW + 60 + POLICY.stopping), Act)


def test_who_has_lived_on_after_a_signal_is_healed_at_once() -> None:
    memory = noticed(Memory(), snapshot(), signalled(1), POLICY, NOW)
    memory = noticed(memory, snapshot(), [], POLICY, NOW + POLICY.told + 1)
    down = snapshot(proxy=Phase.EXITED)
    memory = noticed(memory, down, [replace(event("die"), at_ns=9)], POLICY, NOW + POLICY.told + 2)
    assert isinstance(judged(down, memory, NOW + POLICY.told + 2), Act)


@pytest.mark.parametrize(
    "events",
    [
        [event("die")],
        signalled(9, "die"),
        signalled(15, "die", "start", "die"),
        [*signalled(15), replace(event("die", id="another"), at_ns=9)],
    ],
    ids=["a crash", "docker kill", "a crash after a restart", "another container's death"],
)
def test_no_other_death_is_waited_after(events: list[ContainerEvent]) -> None:
    down = replace(snapshot(), litellm=state(Phase.EXITED, "another" if events[-1].container_id == "another" else "p1"))
    memory = noticed(Memory(), down, reversed(events), POLICY, NOW)
    assert isinstance(judged(down, memory, NOW), Act)


def test_unhealthy_right_after_an_unpause_waits_for_the_next_probe() -> None:
    memory = after(["pause"], snapshot(proxy=Phase.PAUSED))
    relic = snapshot(proxy=Phase.UNHEALTHY)
    memory = noticed(memory, relic, [event("unpause")], POLICY, NOW + 1)
    assert isinstance(judged(relic, memory, NOW + 1), Wait)
    assert isinstance(judged(relic, memory, NOW + POLICY.unpaused + 1), Act)


def test_a_loop_is_looked_into_after_some_restarts_and_again_when_they_have_doubled() -> None:
    def looping(restarts: int) -> Snapshot:
        return replace(snapshot(), litellm=state(Phase.RESTARTING, "p1", restarts=restarts))

    assert isinstance(judged(looping(POLICY.loop - 1)), Rest)
    decision = judged(looping(POLICY.loop))
    assert isinstance(decision, Act)
    assert decision.do is Do.DIAGNOSE
    looked = Memory(diagnosed={PROXY: POLICY.loop})
    assert isinstance(judged(looping(POLICY.loop + 1), looked), Rest)
    assert isinstance(judged(looping(2 * POLICY.loop), looked), Act)


# --- how often --------------------------------------------------------------------------------------------------------


def test_pauses_double_up_to_the_longest() -> None:
    down, pauses, memory, now = snapshot(proxy=Phase.EXITED), [], Memory(), NOW
    policy = Policy(consecutive_failures=20, budget=100, backoff=1.0, backoff_max=10.0, window=10_000)
    for _ in range(7):
        memory = attempted(memory, policy, now)
        decision = decide(BOTH, down, memory, policy, now, jitter=0.0)
        assert isinstance(decision, Wait)
        pauses.append(decision.until - now)
        now = decision.until
        assert isinstance(decide(BOTH, down, memory, policy, now, jitter=0.0), Act)
    assert pauses == [1, 2, 4, 8, 10, 10, 10]


@pytest.mark.cause("watch-gave-up")
def test_after_the_last_attempt_in_a_row_it_gives_up_and_tries_once_in_a_window() -> None:
    down = snapshot(proxy=Phase.EXITED)
    memory = Memory(attempts=tuple(NOW + i for i in range(5)), consecutive_failures=5, last=NOW + 4)
    decision = judged(down, memory, NOW + 5)
    assert isinstance(decision, Blocked)
    assert decision.block.code == "watch-gave-up"
    assert decision.until == NOW + 4 + POLICY.window
    assert isinstance(judged(down, memory, decision.until), Act)


def test_a_budget_of_attempts_holds_also_if_each_succeeds() -> None:
    memory = Memory(attempts=tuple(NOW + 100.0 * i for i in range(10)))
    decision = judged(snapshot(proxy=Phase.EXITED), memory, NOW + 1000)
    assert isinstance(decision, Blocked)
    assert decision.until == NOW + POLICY.window


def test_stable_health_forgets_what_has_failed() -> None:
    memory = settled(Memory(consecutive_failures=4), BOTH, snapshot(), POLICY, NOW)
    assert settled(memory, BOTH, snapshot(), POLICY, NOW + POLICY.stable - 1).consecutive_failures == 4
    assert settled(memory, BOTH, snapshot(), POLICY, NOW + POLICY.stable).consecutive_failures == 0


def test_a_start_by_the_user_forgets_what_has_failed() -> None:
    memory = replace(blocked(Memory(consecutive_failures=5), "disk-full", "m", "h", "f", NOW), intended=1.0)
    assert intended(memory, 1.0) == memory
    fresh = intended(memory, 2.0)
    assert (fresh.consecutive_failures, fresh.block) == (0, None)


def test_a_clock_that_was_set_back_does_not_make_it_wait_for_ever() -> None:
    down = snapshot(proxy=Phase.EXITED)
    future = NOW + 86400
    memory = Memory(attempts=(future,) * 10, consecutive_failures=1, last=future)
    assert isinstance(judged(down, memory), Act)
    stuck = blocked(Memory(), "disk-full", "m", "h", "", future)
    assert isinstance(judged(down, stuck), Act)


# --- causes that no restart mends -------------------------------------------------------------------------------------


def test_a_block_holds_until_something_has_changed_or_it_is_time_to_look_again() -> None:
    down = snapshot(proxy=Phase.EXITED)
    memory = blocked(Memory(), "disk-full", "The disk is full.", "Free some.", "as it was", NOW)

    def decided(fingerprint: str, now: float) -> Decision:
        return decide(BOTH, down, memory, POLICY, now, fingerprint=fingerprint)

    decision = decided("as it was", NOW + 1)
    assert isinstance(decision, Blocked)
    assert decision.block.help == "Free some."
    assert isinstance(decided("a file has changed", NOW + 1), Act)
    assert isinstance(decided("as it was", NOW + POLICY.probe), Act)


def test_a_block_that_comes_again_keeps_its_beginning() -> None:
    memory = blocked(Memory(), "disk-full", "m", "h", "f", NOW)
    again = blocked(memory, "disk-full", "m", "h", "f", NOW + 60)
    assert again.block == Block(code="disk-full", message="m", help="h", since=NOW, fingerprint="f", tried=NOW + 60)


def test_health_lifts_a_block() -> None:
    memory = blocked(Memory(), "port-taken", "m", "h", "f", NOW)
    assert settled(memory, BOTH, snapshot(), POLICY, NOW).block is None


def test_what_was_tried_behind_a_block_counts_no_more_when_it_is_gone() -> None:
    memory = blocked(Memory(attempts=(NOW - 100,), consecutive_failures=1), "port-taken", "m", "h", "f", NOW)
    for minute in range(1, 9):
        memory = blocked(attempted(memory, POLICY, NOW + 60 * minute), "port-taken", "m", "h", "f", NOW + 60 * minute)
    lifted = settled(memory, BOTH, snapshot(), POLICY, NOW + 600)
    assert (lifted.consecutive_failures, lifted.attempts) == (0, (NOW - 100,))


# --- no sequence breaks the promises ----------------------------------------------------------------------------------


class Watching(RuleBasedStateMachine):
    """A world that changes as it likes, a watcher that looks at it, and an account of what it has done."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = Policy(consecutive_failures=3, budget=5, window=600, stable=50, backoff_max=60)
        self.now = NOW
        self.memory = Memory()
        self.wanted: tuple[Service, ...] = BOTH
        self.world = snapshot()
        self.events: list[ContainerEvent] = []
        self.on_purpose: set[Service] = set()
        self.acts: list[float] = []

    @rule(
        service=st.sampled_from(BOTH), phase=st.sampled_from([phase for phase in Phase if phase is not Phase.UNKNOWN])
    )
    def something_happens(self, service: Service, phase: Phase) -> None:
        if self.world.lost:
            return
        fresh = ServiceState(phase=phase, id="" if phase is Phase.ABSENT else service.value)
        if fresh.running:
            self.on_purpose.discard(service)
        self.world = self.world.updated(service, fresh)
        self.look()

    @rule(service=st.sampled_from(BOTH))
    def somebody_stops_it(self, service: Service) -> None:
        if self.world.lost or not self.world[service].running:
            return
        self.events += [event(action, service, service.value) for action in ("kill", "stop", "die", "stop")]
        self.world = self.world.updated(service, ServiceState(phase=Phase.EXITED, id=service.value))
        self.on_purpose.add(service)
        self.look()

    @rule(seconds=st.floats(0, 2000))
    def time_goes_by(self, seconds: float) -> None:
        self.now += seconds
        self.look()

    @precondition(lambda self: not self.world.lost)
    @rule()
    def the_engine_goes_away(self) -> None:
        self.now += 100  # a stop shortly before would be the engine's own
        self.look()
        self.before, self.world = self.world, Snapshot.out_of_reach("gone")
        self.look()

    @precondition(lambda self: self.world.lost)
    @rule()
    def the_engine_comes_back(self) -> None:
        self.world = self.before
        self.look()

    @rule(wanted=st.sampled_from([(), (PROXY,), BOTH]))
    def the_user_decides(self, wanted: tuple[Service, ...]) -> None:
        self.wanted = wanted
        self.look()

    def look(self) -> None:
        self.memory = noticed(self.memory, self.world, self.events, self.policy, self.now)
        self.memory = settled(self.memory, self.wanted, self.world, self.policy, self.now)
        self.events = []

    @rule(mended=st.booleans(), jitter=st.floats(0, 0.99))
    def the_watcher_acts(self, mended: bool, jitter: float) -> None:
        self.look()
        decision = decide(self.wanted, self.world, self.memory, self.policy, self.now, jitter=jitter)
        if not isinstance(decision, Act):
            return
        assert decision.service in self.wanted
        assert not self.world.lost
        assert decision.service not in self.on_purpose
        assert self.world[decision.service].phase not in (Phase.HEALTHY, Phase.STARTING, Phase.PAUSED)
        self.memory = attempted(self.memory, self.policy, self.now)
        self.acts.append(self.now)
        if mended:
            self.world = self.world.updated(
                decision.service, ServiceState(phase=Phase.HEALTHY, id=decision.service.value)
            )
        self.look()

    @invariant()
    def the_budget_holds(self) -> None:
        for at in self.acts:
            assert sum(at <= other < at + self.policy.window for other in self.acts) <= self.policy.budget

    def teardown(self) -> None:
        """Whatever was: what is wanted and down is tried again before long, and what was stopped on purpose is not."""
        if self.world.lost:
            self.world = self.before
        self.now += 2 * self.policy.window
        self.look()
        decision = decide(self.wanted, self.world, self.memory, self.policy, self.now, jitter=0.0)
        down = {
            service
            for service in self.wanted
            if self.world[service].phase in (Phase.ABSENT, Phase.CREATED, Phase.EXITED, Phase.UNHEALTHY)
        }
        assert isinstance(decision, Act) is bool(down - self.on_purpose)


TestWatching = Watching.TestCase


def test_a_stop_is_remembered_by_container() -> None:
    memory = after(["stop"], snapshot(proxy=Phase.EXITED))
    assert memory.stops == {PROXY: Stop("p1", NOW)}
