"""Whatever must be on disk is made by one command at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.deploy.initialize import initialize, is_initialized
from run_claude.errors import BusyError
from run_claude.state import lock

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

pytestmark = pytest.mark.anyio


async def test_it_makes_whatever_is_missing(settings: Settings) -> None:
    assert not is_initialized(settings)
    await initialize(settings, "install")
    assert is_initialized(settings)


async def test_it_writes_nothing_while_another_command_holds_the_lock(settings: Settings) -> None:
    waited: list[str] = []
    paths = settings.paths
    async with lock.lock(paths.lock_file, "proxy start"):
        with pytest.raises(BusyError):
            await initialize(replace(settings, lock_timeout=0.01), "install", on_wait=waited.append)
    assert waited
    assert waited[0].startswith("run-claude proxy start")
    assert not is_initialized(settings)
    assert not paths.env_file.exists()
    assert not paths.services.exists()
