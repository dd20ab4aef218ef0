"""One start, step by step, and every way in which it can fail: on a fake engine, with a fake Compose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import pytest

from run_claude.docker import observer as observer_module
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service, Snapshot
from run_claude.errors import ConfigError, ConflictError, RunClaudeError, StartError, StartTimeout
from run_claude.stack import holders
from run_claude.stack.start import Start
from run_claude.state.deployed import load_deployment
from tests.fake.compose import gets_healthy
from tests.fake.stage import BOTH, IMAGE, LONG, PROXY_ONLY, Stage, TimeLimit
from tests.marks import mark

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.stack.start import Healthy
    from tests.fake.engine import Container

pytestmark = pytest.mark.anyio

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM


async def start(stage: Stage, *services: Service, within: float = LONG, **deployed: bool) -> Healthy:
    """Start the services from what is deployed."""
    stage.deployed(**deployed)
    before = await stage.session.look()
    what = load_deployment(stage.settings.paths)
    return await Start(stage.session, what, services or PROXY_ONLY, within, before).run()


async def failed(stage: Stage, *services: Service, **more: Any) -> RunClaudeError:
    """Return how a start of the services fails."""
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, *services, **more)
    return caught.value


def becomes(phase: Phase, *, exit: int = 0, **odd: Any) -> Callable[[Container], None]:
    """Have `up` leave a container in a phase."""

    def make(container: Container) -> None:
        container.starts()
        container.becomes(phase, exit=exit)
        container.odd = odd
        container.says("die", exit=exit) if phase in (Phase.EXITED, Phase.RESTARTING) else container.says("restart")

    return make


# --- a start that succeeds --------------------------------------------------------------------------------------------


async def test_a_start_ends_when_all_is_healthy_and_its_steps_are_known(stage: Stage) -> None:
    healthy = await start(stage, *BOTH)
    assert healthy.snapshot.healthy(BOTH)
    assert stage.compose.of("up") == [("timescaledb", "litellm")]
    assert [span.name for span in healthy.spans][:2] == ["timescaledb container", "litellm container"]
    assert stage.history() == ["started"]


async def test_where_the_database_is_recreated_the_proxy_has_stopped_before(stage: Stage) -> None:
    """Compose recreates both at once; what the proxy has yet to write would find no database."""
    for service in BOTH:
        stage.has(service)
    stage.compose.changed = {DB}
    await start(stage, *BOTH, database=True)
    assert [call for call in stage.compose.calls if call[0] in ("stop", "up")] == [("stop", "litellm"), ("up", *BOTH)]


@pytest.mark.parametrize("services", [BOTH, PROXY_ONLY])
async def test_where_the_database_stays_the_proxy_runs_until_compose_replaces_it(
    stage: Stage, services: tuple[Service, ...]
) -> None:
    for service in BOTH:
        stage.has(service)
    await start(stage, *services, database=True)
    assert stage.compose.of("stop") == []


async def test_what_is_cut_off_its_network_is_made_anew(stage: Stage) -> None:
    stage.has(DB).cut_off = True
    await start(stage, DB)
    assert [call for call in stage.compose.calls if call[0] in ("remove", "up")] == [("remove", DB), ("up", DB)]


async def test_a_start_of_the_database_alone_has_no_timeline(stage: Stage) -> None:
    healthy = await start(stage, DB)
    assert healthy.spans == ()
    assert stage.compose.of("up") == [("timescaledb",)]


async def test_each_transition_is_reported_and_the_steps_as_well(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = lambda container: container.starts()
    stage.reporter.on_snapshot = lambda: stage.container(PROXY).turns(Phase.HEALTHY)
    await start(stage)
    assert [(seen.before.phase, seen.after.phase) for seen in stage.reporter.transitions] == [
        (Phase.STARTING, Phase.HEALTHY)
    ]
    assert stage.reporter.steps == ["Starting the containers", "Waiting until it is healthy"]


async def test_transitions_that_come_too_fast_are_passed_over(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def all_at_once() -> None:
        for service in BOTH:
            stage.container(service).becomes(Phase.HEALTHY)
        stage.container(PROXY).says("health_status: healthy")

    monkeypatch.setattr(observer_module, "_BUFFERED", 1)
    stage.compose.up_makes |= dict.fromkeys(BOTH, lambda container: container.starts())
    stage.reporter.on_snapshot = all_at_once
    assert (await start(stage, *BOTH)).snapshot.healthy(BOTH)
    assert len(stage.reporter.transitions) <= 1


async def test_an_image_that_is_missing_is_built_first(stage: Stage) -> None:
    stage.engine.images.clear()
    healthy = await start(stage)
    assert [call[0] for call in stage.compose.calls] == ["build", "up"]
    assert healthy.spans[0].name == "build image"
    assert IMAGE in stage.engine.images


async def test_an_image_that_cannot_be_built_ends_the_start_before_the_containers(stage: Stage) -> None:
    stage.engine.images.clear()
    stage.compose.fails["build"] = caused("build-failed", "no network")
    assert (await failed(stage)).code == "build-failed"
    assert not stage.engine.containers
    assert stage.history() == ["start-failed"]


async def test_an_engine_that_is_too_old_is_refused_before_anything_is_done(stage: Stage) -> None:
    stage.engine.speaks = "1.43"
    assert (await failed(stage)).code == "engine-too-old"
    assert not stage.compose.calls


async def test_an_engine_that_is_newer_than_we_know_is_used_and_said_to_be(stage: Stage) -> None:
    stage.engine.speaks = "1.99"
    assert (await start(stage)).snapshot.litellm.phase is Phase.HEALTHY
    assert [line for line in stage.reporter.lines if "API 1.99 is newer" in line]


async def test_an_address_that_this_host_does_not_have_ends_the_start_before_anything_is_built(stage: Stage) -> None:
    stage.deployed()
    stage.engine.images.clear()
    with stage.settings.paths.compose_env_file.open("a") as file:
        file.write("LITELLM_PORT='4601'\nRUN_CLAUDE_BIND='192.0.2.77'\n")
    before, what = await stage.session.look(), load_deployment(stage.settings.paths)
    with pytest.raises(ConfigError, match=r"192\.0\.2\.77 \(RUN_CLAUDE_BIND\)") as caught:
        await Start(stage.session, what, PROXY_ONLY, LONG, before).run()
    assert (caught.value.code, caught.value.exit_code) == ("bind-unavailable", 3)
    assert not stage.compose.calls


async def test_a_start_anew_stops_the_proxy_once_and_the_database_not_at_all(stage: Stage) -> None:
    for service in BOTH:
        stage.has(service)
    stage.deployed(database=True)
    stage.compose.changed = {DB}
    before, what = await stage.session.look(), load_deployment(stage.settings.paths)
    await Start(stage.session, what, BOTH, LONG, before, anew=True).run()
    assert stage.compose.of("stop") == [("litellm",)]


async def test_where_nothing_ran_there_is_nothing_to_stop(stage: Stage) -> None:
    stage.deployed()
    before, what = await stage.session.look(), load_deployment(stage.settings.paths)
    await Start(stage.session, what, PROXY_ONLY, LONG, before, anew=True).run()
    assert stage.compose.of("stop") == []


async def test_a_port_that_is_taken_ends_the_start_before_anything_is_built(stage: Stage) -> None:
    stage.deployed()
    stage.engine.images.clear()
    stage.taken.add(4601)
    with stage.settings.paths.compose_env_file.open("a") as file:
        file.write("LITELLM_PORT='4601'\n")
    before, what = await stage.session.look(), load_deployment(stage.settings.paths)
    with pytest.raises(ConflictError, match="4601"):
        await Start(stage.session, what, PROXY_ONLY, LONG, before).run()
    assert not stage.compose.calls


# --- the database's volume --------------------------------------------------------------------------------------------

DATABASE_IMAGE = "timescale/timescaledb:test"


async def initializes(stage: Stage, *files: str) -> RunClaudeError:
    """Start a database that cannot be initialized on a volume with these files, and return the error."""
    stage.engine.images.add(DATABASE_IMAGE)
    stage.engine.files["test-timescaledb-data"] = dict.fromkeys(files, b"17\n")
    stage.deployed()
    with stage.settings.paths.compose_env_file.open("a") as file:
        file.write(f"RUN_CLAUDE_TIMESCALEDB_IMAGE='{DATABASE_IMAGE}'\n")

    def fails(container: Container) -> None:
        container.log = ["initdb: error: directory exists but is not empty"]
        becomes(Phase.EXITED, exit=1)(container)

    stage.compose.up_makes[DB] = fails
    before, what = await stage.session.look(), load_deployment(stage.settings.paths)
    with pytest.raises(RunClaudeError) as caught:
        await Start(stage.session, what, (DB,), LONG, before).run()
    return caught.value


async def test_a_volume_that_was_seen_empty_may_be_removed(stage: Stage) -> None:
    error = await initializes(stage)
    assert error.code == "database-init-failed"
    assert "docker volume rm test-timescaledb-data" in error.help


async def test_one_that_holds_a_database_is_to_be_kept(stage: Stage) -> None:
    error = await initializes(stage, "PG_VERSION")
    assert error.code == "database-init-failed"
    assert error.help == "Keep the volume test-timescaledb-data: it holds a database of PostgreSQL 17."


# --- the database of the old layout -----------------------------------------------------------------------------------


async def test_the_old_layouts_database_is_taken_over_with_the_password_of_now(stage: Stage) -> None:
    stage.engine.container(DB, project="test-infra").names = "test-timescaledb"
    await start(stage, *BOTH)
    assert [call[0] for call in stage.compose.calls] == ["down", "up", "feed", "up"]
    assert stage.compose.of("down") == [("test-infra",)]
    assert "planted-password" in stage.compose.of("feed")[0][1]


async def test_another_container_of_that_name_is_not(stage: Stage) -> None:
    stage.engine.container(DB, project="somebody").names = "test-timescaledb"
    await start(stage, *BOTH)
    assert [call[0] for call in stage.compose.calls] == ["up"]


async def test_a_database_that_is_there_is_left_as_it_is(stage: Stage) -> None:
    stage.has(DB, Phase.EXITED)
    await start(stage, *BOTH)
    assert [call[0] for call in stage.compose.calls] == ["up"]


# --- Compose fails ----------------------------------------------------------------------------------------------------


async def test_a_compose_that_fails_leaves_no_half_made_container(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = lambda container: None  # created, and that is all
    stage.compose.fails["up"] = caused("compose-failed", "it failed")
    assert (await failed(stage)).code == "compose-failed"
    assert stage.compose.of("remove") == [("litellm",)]
    assert not stage.engine.containers


async def test_a_container_that_was_there_before_is_not_removed(stage: Stage) -> None:
    stage.has(PROXY, Phase.CREATED)
    stage.compose.up_makes[PROXY] = lambda container: None
    stage.compose.fails["up"] = caused("compose-failed", "it failed")
    await failed(stage)
    assert not stage.compose.of("remove")


async def test_the_first_error_is_the_one_to_report(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = lambda container: None
    stage.compose.fails |= {
        "up": caused("compose-failed", "it failed"),
        "remove": caused("engine-frozen", "and then this"),
    }
    assert (await failed(stage)).code == "compose-failed"


async def test_a_port_that_is_taken_is_an_error_with_its_holder(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holders, "process_on", lambda port: "nc (pid 7)")  # to look takes as long as /proc is large
    port = stage.settings.port
    detail = f"listen tcp4 127.0.0.1:{port}: bind: address already in use"
    stage.compose.fails["up"] = caused("port-taken", "taken", detail=detail)
    error = await failed(stage)
    assert isinstance(error, ConflictError)
    assert f"{port}" in error.message
    assert "nc (pid 7)" in error.message


# --- a container fails ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "exit", "code"),
    [
        (Phase.EXITED, 1, "container-died"),
        (Phase.UNHEALTHY, 0, "container-unhealthy"),
        (Phase.PAUSED, 0, "container-paused"),
        (Phase.CREATED, 0, "container-not-started"),
    ],
)
async def test_a_container_that_fails_ends_the_start_at_once(stage: Stage, phase: Phase, exit: int, code: str) -> None:
    stage.compose.up_makes[PROXY] = becomes(phase, exit=exit)
    error = await failed(stage, *BOTH)
    assert isinstance(error, StartError)
    assert error.code == code
    assert not stage.compose.of("stop")


async def test_a_container_that_vanishes_ends_the_start(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = lambda container: container.goes()
    assert (await failed(stage)).code == "container-removed"


async def test_a_container_that_docker_would_restart_for_ever_is_stopped(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = becomes(Phase.RESTARTING, exit=1)
    assert (await failed(stage)).code == "container-looping"
    assert stage.compose.of("stop") == [("litellm",)]


async def test_also_when_it_cannot_be_stopped_the_loop_is_the_error(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = becomes(Phase.RESTARTING, exit=1)
    stage.compose.fails["stop"] = caused("engine-frozen", "no answer")
    assert (await failed(stage)).code == "container-looping"


async def test_what_it_ended_with_is_in_the_event_when_it_runs_again(stage: Stage) -> None:
    """The engine shows no exit code of a container that it has started again."""

    def dies_and_is_restarted() -> None:
        container = stage.container(PROXY)
        container.dies(78)
        container.starts()
        container.restarts = 1

    stage.compose.up_makes[PROXY] = lambda container: container.starts()
    stage.reporter.on_snapshot = dies_and_is_restarted
    error = await failed(stage)
    assert error.facts["exit_code"] == 78
    assert error.code == "litellm-config"


async def test_without_that_event_the_exit_code_is_unknown(stage: Stage) -> None:
    def comes_back(container: Container) -> None:
        container.starts()
        container.restarts = 2

    stage.compose.up_makes[PROXY] = comes_back
    error = await failed(stage)
    assert error.facts["exit_code"] is None
    assert "unknown" in error.message


@pytest.mark.parametrize("told", [True, False])
async def test_an_out_of_memory_kill_is_named_by_the_event_or_by_inspect(stage: Stage, told: bool) -> None:
    def kill() -> None:
        container = stage.container(PROXY)
        if told:
            container.says("oom")
        else:
            container.odd = {"OOMKilled": True}
        container.dies(137)

    stage.compose.up_makes[PROXY] = lambda container: container.starts()
    stage.reporter.on_snapshot = kill
    assert (await failed(stage)).code == "out-of-memory"


async def test_the_log_is_read_for_the_cause_and_shown_without_secrets(stage: Stage) -> None:
    def logs(container: Container) -> None:
        container.log = [
            mark("entrypoint"),
            "my key is planted-password",
            "OSError: [Errno 28] No space left on device",
        ]
        becomes(Phase.EXITED, exit=1)(container)

    stage.compose.up_makes[PROXY] = logs
    error = await failed(stage)
    assert error.code == "disk-full"
    assert "planted-password" not in error.detail
    assert "my key is" in error.detail


async def test_a_log_that_cannot_be_read_is_no_second_error(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    caught_elsewhere = caused("engine-frozen", "no answer")

    async def no_log(*_: object, **__: object) -> list[str]:
        raise caught_elsewhere

    stage.compose.up_makes[PROXY] = becomes(Phase.EXITED, exit=1)
    monkeypatch.setattr(type(stage.session), "log_tail", no_log)
    assert (await failed(stage)).code == "container-died"


async def test_a_database_that_fails_is_not_asked_as_the_proxy_is(stage: Stage) -> None:
    stage.compose.up_makes[DB] = becomes(Phase.UNHEALTHY)
    error = await failed(stage, *BOTH)
    assert error.facts["service"] == "timescaledb"
    assert "level" not in error.facts


async def test_an_unhealthy_proxy_is_asked_how_far_it_gets(stage: Stage) -> None:
    stage.compose.up_makes[PROXY] = becomes(Phase.UNHEALTHY)
    assert (await failed(stage)).facts["level"] == "answering"


# --- it takes too long ------------------------------------------------------------------------------------------------


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> TimeLimit:
    return TimeLimit(monkeypatch)


async def test_a_start_that_takes_too_long_says_what_it_waits_for(stage: Stage, limit: TimeLimit) -> None:
    stage.compose.up_makes[PROXY] = lambda container: container.starts()
    stage.reporter.on_snapshot = limit.run_out
    error = await failed(stage, *BOTH)
    assert isinstance(error, StartTimeout)
    assert "litellm is still starting" in error.message
    assert error.facts["waiting_for"] == ["litellm"]


async def test_an_engine_that_goes_away_meanwhile_is_named(stage: Stage, limit: TimeLimit) -> None:
    def engine_goes() -> None:
        stage.engine.failing["/"] = -1
        stage.engine.cut()

    stage.compose.up_makes[PROXY] = lambda container: container.starts()
    stage.reporter.on_snapshot = engine_goes
    stage.reporter.on_transition = lambda seen: limit.run_out() if seen.after.phase is Phase.UNKNOWN else None
    error = await failed(stage)
    assert isinstance(error, StartTimeout)
    assert "is still starting" not in error.message


async def test_an_engine_that_does_not_answer_once_is_no_verdict(stage: Stage, limit: TimeLimit) -> None:
    stage.deployed()
    start = Start(stage.session, load_deployment(stage.settings.paths), PROXY_ONLY, LONG, Snapshot())
    with stage.engine.holding("/containers/json") as hold:
        async with anyio.create_task_group() as group:

            async def run_out() -> None:
                await hold.reached.wait()
                limit.run_out()

            group.start_soon(run_out)
            with pytest.raises(StartTimeout, match="litellm is absent"):
                await start.run()


async def test_a_healthy_container_is_left_alone(stage: Stage) -> None:
    gets_healthy(stage.has(PROXY, Phase.CREATED))
    healthy = await start(stage)
    assert healthy.snapshot.litellm.id == stage.container(PROXY).id


async def test_a_container_with_our_labels_that_is_none_of_ours_is_named_and_left_alone(stage: Stage) -> None:
    theirs = stage.has(PROXY)
    theirs.names, theirs.check, theirs.image = "sleepy", {}, "busybox"
    error = await failed(stage)
    assert (error.code, error.facts["container"]) == ("name-taken", "sleepy")
    assert "docker rm -f sleepy" in error.help
    assert stage.compose.of("up") == []
    assert (await stage.session.look()).litellm.phase is Phase.ABSENT, "it is not the proxy"
