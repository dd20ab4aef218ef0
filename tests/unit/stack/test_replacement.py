"""What works is given up only for what works; what was stopped to be started again is marked meanwhile."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.config.secrets import DATABASE_PASSWORD
from run_claude.config.settings import load_settings
from run_claude.domain.causes import caused
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import RunClaudeError
from run_claude.stack import Stack
from run_claude.state.deployed import deployed_database_password, load_deployment
from run_claude.state.unfinished import Unfinished, load_unfinished
from tests.fake.compose import gets_healthy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from run_claude.stack import Started
    from tests.fake.engine import Container
    from tests.fake.stage import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("packaged")]

DB, PROXY = Service.TIMESCALEDB, Service.LITELLM


class Killed(BaseException):
    """The process has ended here: nothing else of it runs."""


@asynccontextmanager
async def stack_of(stage: Stage, *, port: int | None = None, **environ: str) -> AsyncIterator[Stack]:
    settings = load_settings({**stage.settings.environ, **environ}, instance=stage.settings.instance, port=port)
    async with Stack.open(settings, reporter=stage.reporter, compose=stage.compose) as stack:
        yield stack


async def start(
    stage: Stage, *, port: int | None = None, environ: dict[str, str] | None = None, **said: Any
) -> Started:
    async with stack_of(stage, port=port, **(environ or {})) as stack:
        return await stack.up(**{"database": False, **said})


def deployed_port(stage: Stage) -> str:
    return load_deployment(stage.settings.paths).project.variables["LITELLM_PORT"]


def mark(stage: Stage) -> Unfinished | None:
    return load_unfinished(stage.settings.paths.unfinished_file)


def sick(container: Container) -> None:
    container.starts()
    container.turns(Phase.UNHEALTHY)


# --- what was said ----------------------------------------------------------------------------------------------------


async def test_the_port_of_a_start_is_the_instances_from_then_on(stage: Stage) -> None:
    await start(stage, port=4601, profile="demo")
    proxy = stage.container(PROXY)
    stage.taken = stage.taken | {4444}
    async with stack_of(stage) as stack:
        started = await stack.up(profile="demo")
        assert stack.settings.base_url.endswith(":4601")
    assert started.already
    assert stage.container(PROXY) is proxy
    async with stack_of(stage) as stack:
        assert (await stack.status()).drift == ()
        await stack.restart()
    assert deployed_port(stage) == "4601"


async def test_without_a_database_is_said_once(stage: Stage) -> None:
    await start(stage)
    async with stack_of(stage) as stack:
        assert (await stack.up()).services == (PROXY,)
        assert (await stack.restart()).services == (PROXY,)
    assert (await start(stage, database=True)).services == (DB, PROXY)
    async with stack_of(stage) as stack:
        assert (await stack.up()).services == (DB, PROXY)


async def test_a_variable_that_is_set_since_says_otherwise(stage: Stage) -> None:
    await start(stage, port=4601)
    await start(stage, environ={"LITELLM_PORT": "4700"})
    assert deployed_port(stage) == "4700"
    await start(stage)
    assert deployed_port(stage) == "4700"  # the variable of that shell was a word as well


@pytest.mark.parametrize(
    "command",
    [
        lambda stack: stack.up(profile="demo"),
        lambda stack: stack.restart(),
        lambda stack: stack.rotate(master_key=True, database=False),
    ],
    ids=["start", "restart", "rotate"],
)
async def test_what_another_command_says_meanwhile_applies_to_one_that_waits(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, command: Callable[[Stack], Awaitable[object]]
) -> None:
    await start(stage)
    async with stack_of(stage) as waiting:
        await start(stage, port=4601)
        original = waiting.session.writing

        @asynccontextmanager
        async def waited(purpose: str) -> AsyncIterator[bool]:
            async with original(purpose):
                yield True

        monkeypatch.setattr(waiting.session, "writing", waited)
        await command(waiting)
    assert deployed_port(stage) == "4601"


async def test_a_stop_without_containers_is_remembered(stage: Stage) -> None:
    stage.taken.add(4444)
    with pytest.raises(RunClaudeError, match="4444"):
        await start(stage)
    async with stack_of(stage) as stack:
        await stack.down()
    intent = stage.session.intent()
    assert intent is not None
    assert intent.wanted == "down"


# --- what works is kept -----------------------------------------------------------------------------------------------


async def refused(stage: Stage, code: str, **said: Any) -> Container:
    """Start what cannot run beside a healthy proxy; return the proxy of before."""
    await start(stage, profile="demo")
    proxy, calls = stage.container(PROXY), len(stage.compose.calls)
    paths = stage.settings.paths
    files = [path.read_bytes() for path in (paths.compose_env_file, paths.litellm_secrets, paths.intent_file)]
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, **said)
    assert caught.value.code == code
    assert [path.read_bytes() for path in (paths.compose_env_file, paths.litellm_secrets, paths.intent_file)] == files
    assert not {call[0] for call in stage.compose.calls[calls:]} & {"up", "stop", "remove", "down"}
    assert mark(stage) is None
    return proxy


async def test_a_port_that_is_taken_costs_no_proxy_that_works(stage: Stage) -> None:
    stage.taken.add(4601)
    proxy = await refused(stage, "port-taken", port=4601)
    assert stage.container(PROXY) is proxy


async def test_an_image_that_cannot_be_built_costs_no_proxy_that_works(stage: Stage) -> None:
    await start(stage, profile="demo")
    stage.compose.fails["build"] = caused("build-failed", "no network")
    proxy = await refused(stage, "build-failed", environ={"RUN_CLAUDE_PRISMA": "off"})
    assert stage.container(PROXY) is proxy


async def test_a_database_image_that_cannot_be_pulled_costs_nothing_that_works(stage: Stage) -> None:
    stage.compose.fails["pull"] = caused("base-image-network", "no network")
    await refused(stage, "base-image-network", database=True)


async def test_what_does_not_get_healthy_gives_way_to_what_was(stage: Stage) -> None:
    await start(stage, profile="demo")
    before = stage.session.intent()

    def only_on_4444(container: Container) -> None:
        assert stage.compose.project is not None
        (gets_healthy if stage.compose.project.variables["LITELLM_PORT"] == "4444" else sick)(container)

    stage.compose.up_makes[PROXY] = only_on_4444
    with pytest.raises(RunClaudeError) as caught:
        await start(stage, port=4601)
    assert caught.value.code == "container-unhealthy"
    assert stage.container(PROXY).phase is Phase.HEALTHY
    assert deployed_port(stage) == "4444"
    assert stage.session.intent() == before
    assert stage.reporter.notes[-1] == "What ran before runs again."
    assert (await start(stage)).already


async def test_a_restart_checks_before_it_stops(stage: Stage) -> None:
    await start(stage, port=4601)
    stage.taken |= {4444}
    with stage.settings.paths.env_file.open("a") as file:
        file.write("LITELLM_PORT=4500\n")
    stage.taken |= {4500}
    calls = len(stage.compose.calls)
    async with stack_of(stage) as stack:
        with pytest.raises(RunClaudeError, match="4500"):
            await stack.restart()
    assert stage.compose.calls[calls:] == []
    assert stage.container(PROXY).phase is Phase.HEALTHY


# --- killed half-way --------------------------------------------------------------------------------------------------


async def test_a_restart_that_is_killed_is_still_wanted_and_marked(stage: Stage) -> None:
    await start(stage)
    stage.compose.kills["stop"] = Killed()
    with pytest.raises(Killed):
        async with stack_of(stage) as stack:
            await stack.restart()
    intent = stage.session.intent()
    assert intent is not None
    assert intent.wanted == "up"
    assert mark(stage) == Unfinished(command="proxy restart", services=(PROXY,))
    assert not (await start(stage)).already
    assert mark(stage) is None


async def test_a_stop_after_it_finishes_nothing(stage: Stage) -> None:
    await start(stage)
    stage.compose.kills["stop"] = Killed()
    with pytest.raises(Killed):
        async with stack_of(stage) as stack:
            await stack.restart()
    async with stack_of(stage) as stack:
        await stack.down()
    assert mark(stage) is None


@pytest.mark.parametrize("verb", ["stop", "feed", "up"])
async def test_a_rotation_that_is_killed_is_finished_by_the_next_start(stage: Stage, verb: str) -> None:
    await start(stage, database=True)
    stage.compose.kills[verb] = Killed()
    with pytest.raises(Killed):
        async with stack_of(stage) as stack:
            await stack.rotate(master_key=False, database=True)
    left = mark(stage)
    assert left is not None
    assert left.password is (verb in ("stop", "feed"))
    given = len(stage.compose.of("feed"))
    async with stack_of(stage) as stack:
        await stack.up()
    fresh = stage.session.settings.environment().get(DATABASE_PASSWORD)
    assert deployed_database_password(stage.settings.paths) == fresh
    assert (len(stage.compose.of("feed")) > given) is left.password
    assert fresh in stage.compose.of("feed")[-1][1]
    assert mark(stage) is None


async def test_a_rotation_that_the_database_refuses_leaves_the_proxy_running(stage: Stage) -> None:
    await start(stage, database=True)
    stage.compose.fails["feed"] = caused("query-failed", "no")
    async with stack_of(stage) as stack:
        with pytest.raises(RunClaudeError):
            await stack.rotate(master_key=False, database=True)
    assert stage.container(PROXY).phase is Phase.HEALTHY
    left = mark(stage)
    assert left is not None
    assert left.password, "to be given by the next start"


async def test_a_rotation_changes_nothing_where_the_configuration_cannot_be_used(stage: Stage) -> None:
    await start(stage, database=True)
    before = stage.settings.paths.env_file.read_bytes()
    stage.settings.paths.models_file.write_text("models: [\n")
    done = len(stage.compose.calls)
    async with stack_of(stage) as stack:
        with pytest.raises(RunClaudeError):
            await stack.rotate(master_key=True, database=True)
    assert stage.settings.paths.env_file.read_bytes() == before
    assert len(stage.compose.calls) == done
    assert stage.container(PROXY).phase is Phase.HEALTHY
    assert mark(stage) is None


async def test_a_rotation_stops_nothing_before_its_image_is_there(stage: Stage) -> None:
    await start(stage, database=True)
    before = stage.settings.paths.env_file.read_bytes()
    stage.engine.images.clear()
    stage.compose.fails["build"] = caused("build-failed", "no")
    async with stack_of(stage) as stack:
        with pytest.raises(RunClaudeError):
            await stack.rotate(master_key=False, database=True)
    assert stage.settings.paths.env_file.read_bytes() == before
    assert not stage.compose.of("stop")
    assert stage.container(PROXY).phase is Phase.HEALTHY


async def test_a_rotation_that_is_refused_leaves_no_mark(stage: Stage) -> None:
    await start(stage, database=True)
    async with stack_of(stage, RUN_CLAUDE_TIMESCALEDB_PASSWORD="from the environment") as stack:
        with pytest.raises(RunClaudeError) as raised:
            await stack.rotate(master_key=False, database=True)
    assert raised.value.code == "secret-overridden"
    assert mark(stage) is None


async def test_a_build_leaves_what_runs_the_files_that_it_was_started_from(stage: Stage) -> None:
    await start(stage)
    deployed = load_deployment(stage.settings.paths)
    secrets = stage.settings.paths.litellm_secrets.read_bytes()
    async with stack_of(stage, GROQ_API_KEY="gsk_planted0123456789") as stack:
        await stack.build()
    assert load_deployment(stage.settings.paths) == deployed
    assert stage.settings.paths.litellm_secrets.read_bytes() == secrets
