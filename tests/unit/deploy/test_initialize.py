"""Whatever must be on disk is made by one command at a time."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.config.secrets import read_secrets
from run_claude.config.settings import load_settings
from run_claude.deploy.initialize import initialize, is_initialized
from run_claude.deploy.prepare import prepare
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


async def test_where_env_has_gone_what_the_data_depends_on_is_taken_from_what_was_started(settings: Settings) -> None:
    prepare(settings, profile="demo", database=True)
    before = read_secrets(settings)
    settings.paths.env_file.unlink()
    again = load_settings(settings.environ)
    notes = await initialize(again, "install")
    after = read_secrets(again)
    assert (after.salt_key, after.database_password) == (before.salt_key, before.database_password)
    assert after.master_key != before.master_key
    assert any("Took" in note and "LITELLM_SALT_KEY" in note for note in notes)


async def test_without_a_salt_key_it_was_encrypted_with_the_master_key(
    settings: Settings,
) -> None:
    prepare(settings, profile="demo", database=True)
    before = read_secrets(settings)
    given = json.loads(settings.paths.litellm_secrets.read_text())
    del given["LITELLM_SALT_KEY"]
    settings.paths.litellm_secrets.write_text(json.dumps(given))
    settings.paths.env_file.unlink()
    again = load_settings(settings.environ)
    await initialize(again, "install")
    assert read_secrets(again).salt_key == before.master_key
