"""A stage for each test: a fake engine, a fake Compose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.fake.stage import Stage, staged

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def stage(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(environ, monkeypatch) as stage:
        yield stage
