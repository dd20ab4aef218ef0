"""What the watcher does to a stack: from what is deployed, and with its own stops marked as such."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service, Snapshot
from run_claude.errors import ConfigError, RunClaudeError, StartError
from run_claude.watch.healer import Healer, down_together, is_recoverable
from run_claude.watch.own_stops import OwnStops
from tests.fake.compose import gets_healthy
from tests.fake.stage import BOTH, IMAGE, Stage
from tests.marks import begun, mark, served

if TYPE_CHECKING:
    from run_claude.domain.lifecycle import ContainerEvent
    from tests.fake.engine import Container

pytestmark = pytest.mark.anyio

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM


class Stops(OwnStops):
    """What the healer marks as the watcher's own."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage.session.api)
        self.marked: list[Service] = []

    async def stopped(self, service: Service, begin_ns: int) -> None:
        self.marked.append(service)
        await super().stopped(service, begin_ns)


@pytest.fixture
def stops(stage: Stage) -> Stops:
    stage.deployed()
    return Stops(stage)


@pytest.fixture
def healer(stage: Stage, stops: Stops) -> Healer:
    return Healer(stage.session, stops)


async def user_stops(stage: Stage, stops: Stops) -> list[ContainerEvent]:
    """Return the stops among the events so far that count as the user's."""
    observer = await stage.session.observe()
    await observer.refresh()
    return [event for event in stops.fresh(observer) if event.action == "stop"]


# --- starting ---------------------------------------------------------------------------------------------------------


async def test_it_starts_what_was_deployed_whatever_is_configured_now(stage: Stage, healer: Healer) -> None:
    stage.settings.paths.models_file.write_text("broken: [")
    await healer.start([PROXY])
    assert stage.container(PROXY).image == IMAGE
    assert stage.container(PROXY).phase is Phase.HEALTHY


@pytest.mark.cause("never-started")
async def test_what_was_never_started_cannot_be_healed(stage: Stage) -> None:
    with pytest.raises(ConfigError) as caught:
        await Healer(stage.session, Stops(stage)).start([PROXY])
    assert caught.value.code == "never-started"


async def test_a_start_that_ends_in_a_loop_ends_with_a_stop_of_its_own(
    stage: Stage, healer: Healer, stops: Stops
) -> None:
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.RESTARTING, exit=1)
    with pytest.raises(StartError):
        await healer.start([PROXY])
    assert stops.marked == [PROXY]
    assert not await user_stops(stage, stops)


async def test_a_start_that_fails_otherwise_has_stopped_nothing(stage: Stage, healer: Healer, stops: Stops) -> None:
    stage.compose.up_makes[PROXY] = lambda container: container.becomes(Phase.EXITED, exit=1)
    with pytest.raises(StartError):
        await healer.start([PROXY])
    assert stops.marked == []


# --- restarting -------------------------------------------------------------------------------------------------------


async def test_a_restart_is_a_stop_of_its_own_and_a_start(stage: Stage, healer: Healer, stops: Stops) -> None:
    await stage.session.observe()
    stage.has(PROXY, Phase.UNHEALTHY)
    await healer.restart(PROXY)
    assert [call[0] for call in stage.compose.calls] == ["stop", "up"]
    assert stops.marked == [PROXY]
    assert not await user_stops(stage, stops)


async def test_a_database_is_restarted_alone(stage: Stage, healer: Healer, stops: Stops) -> None:
    await stage.session.observe()
    stage.has(DB, Phase.UNHEALTHY)
    await healer.restart(DB)
    assert [call[0] for call in stage.compose.calls] == ["stop", "up"]
    assert stops.marked == [DB]


async def test_a_stop_that_fails_is_marked_as_well(stage: Stage, healer: Healer, stops: Stops) -> None:
    stage.has(PROXY, Phase.UNHEALTHY)
    stage.compose.fails["stop"] = caused("compose-failed", "half-way")
    with pytest.raises(RunClaudeError, match="half-way"):
        await healer.restart(PROXY)
    assert stops.marked == [PROXY]


async def test_a_later_stop_is_the_users(stage: Stage, healer: Healer, stops: Stops) -> None:
    observer = await stage.session.observe()
    await observer.refresh()
    container = stage.has(PROXY, Phase.UNHEALTHY)
    await healer.restart(PROXY)
    await stage.compose.stop([PROXY])
    while container.phase is not Phase.EXITED or not (found := await user_stops(stage, stops)):
        await observer.refresh()
    assert [event.container_id for event in found] == [container.id]


# --- a container that Docker restarts again and again -----------------------------------------------------------------


async def looping(stage: Stage, *log: str) -> Snapshot:
    container = stage.has(PROXY, Phase.RESTARTING)
    container.exit_code, container.restarts, container.log = 1, 3, begun(*log)
    return await stage.session.look()


async def test_a_loop_that_may_end_by_itself_is_named_and_left_to_docker(stage: Stage, healer: Healer) -> None:
    error = await healer.diagnose(PROXY, await looping(stage, "a mystery"))
    assert error.code == "container-looping"
    assert not stage.compose.calls


async def test_a_loop_that_cannot_end_is_stopped(stage: Stage, healer: Healer, stops: Stops) -> None:
    with pytest.raises(RunClaudeError) as caught:
        await healer.diagnose(PROXY, await looping(stage, "yaml.scanner.ScannerError: no"))
    assert caught.value.code == "litellm-config"
    assert stage.compose.of("stop") == [("litellm",)]
    assert stops.marked == [PROXY]


# --- decisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "recoverable"),
    [
        ("config-invalid", False),
        ("port-taken", False),
        ("engine-not-running", True),  # retryable by its own word
        ("container-died", True),
        ("start-timeout", True),
        ("disk-full", False),
    ],
)
async def test_whether_another_attempt_may_help(code: str, recoverable: bool) -> None:
    assert is_recoverable(caused(code, "it failed")) is recoverable


async def test_services_that_are_down_together_are_started_together(stage: Stage) -> None:
    stage.has(DB, Phase.EXITED)
    down = await stage.session.look()
    assert down_together(PROXY, BOTH, down) == [DB, PROXY]
    assert down_together(PROXY, [PROXY], down) == [PROXY]
    up = replace(down, timescaledb=replace(down.timescaledb, phase=Phase.HEALTHY))
    assert down_together(PROXY, BOTH, up) == [PROXY]


# --- a password that the database has lost ----------------------------------------------------------------------------

REJECTED_BY_NOBODY = ["run-claude: error: callback x", "run-claude: error: the database y [0123456789abcdef]"]
REJECTED = [
    mark("entrypoint"),
    mark("error: a migration of LiteLLM's database failed: P1000: Authentication failed against `timescaledb`"),
]


@pytest.mark.parametrize("database", [Phase.HEALTHY, Phase.UNHEALTHY])
async def test_a_database_that_rejects_the_proxys_password_gets_it_again(
    stage: Stage, healer: Healer, database: Phase
) -> None:
    stage.has(DB, database)
    stage.deployed(database=True)
    container = stage.has(PROXY, Phase.UNHEALTHY)
    container.odd = {
        "Health": {"Status": "unhealthy", "Log": [{"ExitCode": 1, "Output": "/health/readiness answered 503"}]}
    }

    def gets_it(container: Container) -> None:
        container.odd = {}
        gets_healthy(container)

    stage.compose.up_makes[PROXY] = gets_it
    await healer.restart(PROXY)
    fed = stage.compose.of("feed")
    assert bool(fed) is (database is Phase.HEALTHY)
    assert all("planted-password" in statement for _, statement in fed)


async def test_what_stands_in_the_log_of_a_proxy_that_has_served_gives_no_password(
    stage: Stage, healer: Healer
) -> None:
    stage.deployed(database=True)
    stage.has(DB)
    stage.has(PROXY, Phase.UNHEALTHY).log = served("Error: P1000: Authentication failed", *REJECTED_BY_NOBODY)
    await healer.restart(PROXY)
    assert stage.compose.of("feed") == []


async def test_a_loop_of_a_proxy_that_has_served_is_no_dead_end_whatever_its_log_says(
    stage: Stage, healer: Healer
) -> None:
    container = stage.has(PROXY, Phase.RESTARTING)
    container.exit_code, container.restarts = 1, 3
    container.log = served("yaml.scanner.ScannerError: no", "Error: P3009", *REJECTED_BY_NOBODY)
    error = await healer.diagnose(PROXY, await stage.session.look())
    assert error.code == "container-looping"
    assert not stage.compose.calls


async def test_a_proxy_that_loops_for_it_is_left_to_docker_which_starts_it_again(stage: Stage, healer: Healer) -> None:
    stage.has(DB)
    stage.has(PROXY, Phase.RESTARTING).log = REJECTED
    error = await healer.diagnose(PROXY, await stage.session.look())
    assert error.code == "database-password"
    assert stage.compose.of("stop") == []
