"""What the engine's faults become: one error each, with a code that machines can read."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest

from run_claude.docker.api import EngineApi
from run_claude.docker.events import EngineStream, since_parameter
from run_claude.domain import timeouts
from run_claude.domain.diagnosis import engine_unreachable
from run_claude.domain.lifecycle import Phase, Service
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from run_claude.docker.endpoint import Endpoint
    from tests.fake.engine import FakeEngine
    from tests.fake.waiting import Observing

pytestmark = pytest.mark.anyio


async def looks(endpoint: Endpoint) -> str:
    """Return the code with which a look fails."""
    async with EngineApi.connect(endpoint) as api:
        with anyio.fail_after(5), pytest.raises(EngineError) as caught:
            await api.look("test")
    assert caught.value.exit_code == 4
    return caught.value.code


async def streams(endpoint: Endpoint) -> str:
    """Return the code with which the event stream fails."""
    async with EngineStream.connect(endpoint) as stream:
        with anyio.fail_after(5), pytest.raises(EngineError) as caught:
            await stream.feed("test", 0, lambda event: None)
    return caught.value.code


async def test_no_engine_is_told_as_such(endpoint: Endpoint) -> None:
    assert await looks(endpoint) == "engine-not-running"
    assert await streams(endpoint) == "engine-not-running"


async def test_a_dead_socket_is_told_as_no_engine(engine: FakeEngine, endpoint: Endpoint) -> None:
    await engine.stop(leave_socket=True)
    assert await looks(endpoint) == "engine-not-running"
    assert await streams(endpoint) == "engine-not-running"


def test_no_permission_is_told_as_such() -> None:
    denied = PermissionError(errno.EACCES, "Permission denied")
    wrapped = httpx.ConnectError("[Errno 13] Permission denied")
    wrapped.__cause__ = denied
    for error in (denied, wrapped, httpx.ConnectError("[Errno 13] Permission denied")):
        told = engine_unreachable("unix:///var/run/docker.sock", error)
        assert (told.code, told.exit_code, told.retryable) == ("engine-permission", 4, False)


async def test_an_engine_that_answers_500_is_told_as_refusing(engine: FakeEngine, endpoint: Endpoint) -> None:
    engine.failing["/containers/json"] = 1
    assert await looks(endpoint) == "engine-refused"
    async with EngineApi.connect(endpoint) as api:
        await api.look("test")


@pytest.mark.parametrize(
    "said",
    ["Docker Desktop is manually paused. Unpause it through the Whale menu or Dashboard.", "daemon not running"],
)
async def test_what_stands_in_front_of_an_engine_that_does_not_run_says_so_and_it_is_waited_for(
    engine: FakeEngine, endpoint: Endpoint, said: str
) -> None:
    engine.failing.update({"/containers": -1, "/events": -1})
    engine.failing_with = said
    assert await looks(endpoint) == await streams(endpoint) == "engine-not-running"
    async with EngineApi.connect(endpoint) as api:
        with pytest.raises(EngineError, match=f"does not run: {said}") as caught:
            await api.look("test")
    assert caught.value.retryable


async def test_an_engine_that_freezes_is_told_as_frozen(
    engine: FakeEngine, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timeouts, "ENGINE_ANSWER", 0.1)
    engine.freeze()
    assert await looks(endpoint) == "engine-frozen"


async def test_an_engine_in_trouble_is_unknown_to_the_observer_until_it_is_well(
    engine: FakeEngine, observing: Observing
) -> None:
    engine.container(Service.LITELLM)
    engine.failing["/containers"] = 5
    async with observing(engine) as observer:
        with anyio.fail_after(5):
            refused = await observer.wait_for(lambda now: now if now.lost else None)
            assert "refused /containers" in refused.lost
            await observer.wait_for(lambda now: now if now.litellm.phase is Phase.HEALTHY else None)
    assert engine.failing["/containers"] == 0


async def test_a_container_removed_between_list_and_inspect_is_absent(engine: FakeEngine, endpoint: Endpoint) -> None:
    litellm = engine.container(Service.LITELLM)
    async with EngineApi.connect(endpoint) as api, anyio.create_task_group() as group:
        with engine.holding("/containers/json") as hold, anyio.fail_after(5):

            async def look() -> None:
                assert (await api.look("test")).litellm.phase is Phase.ABSENT

            group.start_soon(look)
            await hold.reached.wait()
            engine.containers.remove(litellm)


async def test_the_engine_says_what_it_is(engine: FakeEngine, endpoint: Endpoint) -> None:
    async with EngineApi.connect(endpoint) as api:
        assert await api.version() == (1, 45)
        assert 0 < await api.time_ns() < await api.time_ns()


async def test_a_container_is_found_by_its_very_name(engine: FakeEngine, endpoint: Endpoint) -> None:
    litellm = engine.container(Service.LITELLM)
    async with EngineApi.connect(endpoint) as api:
        found = await api.container_named("test-litellm")
        assert found is not None
        assert found["Id"] == litellm.id
        assert await api.container_named("test-lite") is None


@pytest.mark.parametrize(
    ("at_ns", "text"),
    [(0, "0.000000000"), (1, "0.000000001"), (1_795_403_160_000_000_042, "1795403160.000000042")],
)
def test_since_is_seconds_and_nine_digits(at_ns: int, text: str) -> None:
    assert since_parameter(at_ns) == text
