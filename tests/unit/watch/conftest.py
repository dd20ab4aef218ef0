"""A stage for each test: a fake engine, a fake Compose; and a watcher that looks at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.watch import supervisor
from tests.fake.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def stage(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(environ, monkeypatch) as stage:
        yield stage


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> None:
    """While blocked, look at once whether something has changed."""
    monkeypatch.setattr(supervisor, "BLOCKED_TICK", 0.001)
