"""After `stop --all`, the disk holds no secret that only a running stack needs, and all that the data depends on."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from run_claude.config.secrets import read_secrets
from run_claude.config.settings import load_settings
from run_claude.deploy.initialize import initialize
from run_claude.deploy.prepare import prepare
from run_claude.state.deployed import (
    deployed_database_password,
    deployed_secrets,
    is_complete,
    load_deployment,
    withdraw_secrets,
)

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

pytestmark = pytest.mark.anyio

KEY = "gsk_planted_0123456789abcdef"


@pytest.fixture
def started(environ: dict[str, str]) -> Settings:
    """An instance that was started with a provider's key and a build that needed a password."""
    settings = load_settings({**environ, "GROQ_API_KEY": KEY, "UV_INDEX_URL": "https://me:planted-pass@example.com/"})
    prepare(settings, profile="demo", database=True)
    assert settings.paths.build_secrets.exists()
    return settings


def held(settings: Settings) -> str:
    files = [path for path in settings.paths.instance_state.rglob("*") if path.is_file()]
    return "\n".join(path.read_text() for path in files)


def test_only_what_the_data_depends_on_stays(started: Settings) -> None:
    secrets, paths = read_secrets(started), started.paths
    mode = paths.litellm_secrets.stat().st_mode
    assert KEY in held(started)
    withdraw_secrets(paths)
    text = held(started)
    assert secrets.master_key not in text
    assert KEY not in text
    assert secrets.ui_password not in text
    assert "planted-pass" not in text
    assert set(deployed_secrets(paths)) == {"LITELLM_SALT_KEY", "DATABASE_HOST", "DATABASE_NAME", "DATABASE_USERNAME"}
    assert deployed_database_password(paths) == secrets.database_password
    assert paths.litellm_secrets.stat().st_mode == mode
    assert load_deployment(paths).database
    assert not is_complete(paths)


async def test_where_env_is_lost_afterwards_the_data_can_still_be_opened(started: Settings) -> None:
    before = read_secrets(started)
    withdraw_secrets(started.paths)
    started.paths.env_file.unlink()
    again = load_settings(started.environ)
    await initialize(again, "install")
    after = read_secrets(again)
    assert (after.salt_key, after.database_password) == (before.salt_key, before.database_password)


def test_the_next_start_writes_them_again(started: Settings) -> None:
    before = started.paths.litellm_secrets.read_bytes()
    withdraw_secrets(started.paths)
    prepare(started, profile="demo", database=True)
    assert started.paths.litellm_secrets.read_bytes() == before
    assert is_complete(started.paths)


def test_an_older_release_without_a_salt_key_has_encrypted_with_the_master_key(started: Settings) -> None:
    given = {name: value for name, value in deployed_secrets(started.paths).items() if name != "LITELLM_SALT_KEY"}
    started.paths.litellm_secrets.write_text(json.dumps(given))
    withdraw_secrets(started.paths)
    assert deployed_secrets(started.paths)["LITELLM_SALT_KEY"] == given["LITELLM_MASTER_KEY"]


def test_sessions_that_have_ended_leave_nothing(started: Settings) -> None:
    sessions = started.paths.sessions
    sessions.mkdir()
    living, ended = sessions / f"{os.getpid()}.json", sessions / "999999999.json"
    for path in (living, ended):
        path.write_text("{}")
    withdraw_secrets(started.paths)
    assert living.exists()
    assert not ended.exists()
    living.unlink()
    withdraw_secrets(started.paths)
    assert not sessions.exists()


def test_what_was_never_started_has_nothing_to_take_away(settings: Settings) -> None:
    withdraw_secrets(settings.paths)
    assert not settings.paths.state.exists()
