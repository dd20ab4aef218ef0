"""The example of docs/embedding.md runs, and its page names what is exported."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

import run_claude
from run_claude.domain.lifecycle import Phase, Service
from run_claude.stack import Stack
from run_claude.stack import session as session_module
from tests.fake.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from run_claude.domain.lifecycle import Snapshot

PAGE = (Path(__file__).parents[2] / "docs/embedding.md").read_text()
EXAMPLE = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
async def stage(environ: dict[str, str], packaged: object, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(environ, monkeypatch, name="embedded") as stage:
        yield stage


@pytest.mark.anyio
async def test_the_example_runs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = EXAMPLE
    main: list[Callable[[], Any]] = []
    monkeypatch.setattr(anyio, "run", main.append)
    monkeypatch.setattr(session_module, "_docker_compose", stage.compose)
    for name, value in stage.settings.environ.items():
        monkeypatch.setenv(name, value)
    exec(compile(example, "docs/embedding.md", "exec"), {})  # noqa: S102 (our own page)

    wait = Stack.wait

    async def dies_while_it_is_waited_for(self: Stack, service: Service, phase: Phase) -> Snapshot:
        await anyio.wait_all_tasks_blocked()  # the example follows the transitions now
        stage.container(Service.LITELLM).dies(1)
        snapshot = await wait(self, service, phase)
        await anyio.wait_all_tasks_blocked()  # and has printed this one
        return snapshot

    monkeypatch.setattr(Stack, "wait", dies_while_it_is_waited_for)
    with anyio.fail_after(10):
        await main[0]()
    assert capsys.readouterr().out.splitlines() == [
        "http://127.0.0.1:4600 serves demo now",
        "litellm healthy → exited exited with 1",
    ]
    assert stage.container(Service.LITELLM).phase is Phase.EXITED


@pytest.mark.parametrize("name", run_claude.__all__)
def test_the_page_names_what_is_exported(name: str) -> None:
    assert re.search(rf"`{name}\b", PAGE)


@pytest.mark.parametrize("name", run_claude.__all__)
def test_what_is_exported_says_what_it_is(name: str) -> None:
    assert (getattr(run_claude, name).__doc__ or "").strip()
