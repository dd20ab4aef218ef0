"""The settings of an instance, with what was said at its starts."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.config import pipes
from run_claude.config.settings import load_settings
from run_claude.domain.remembered import Origin, Word
from run_claude.errors import ConfigError
from run_claude.state.instance import as_deployed, as_remembered
from run_claude.state.intent import Intent, save_intent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def said(environ: dict[str, str], **words: Word) -> None:
    intent = Intent(wanted="up", database=True, profile="demo", said=words)
    save_intent(load_settings(environ).paths.intent_file, intent)


def test_without_a_word_the_settings_are_the_users(environ: dict[str, str], write: Callable[[str, str], Path]) -> None:
    write(".env", "LITELLM_PORT=04500\n")
    settings = as_remembered(load_settings(environ))
    assert (settings.port, settings.database_port) == (4500, None)
    assert settings.origins == {"port": Origin.CONFIGURED, "database_port": Origin.DEFAULT}
    assert not settings.said


def test_a_variable_of_the_shell_is_a_word_of_the_start(
    environ: dict[str, str], write: Callable[[str, str], Path]
) -> None:
    """The next shell does not have it: `with` would move the stack to another port."""
    write(".env", "RUN_CLAUDE_TIMESCALEDB_PORT=5500\n")
    shell = {"LITELLM_PORT": "4500", "RUN_CLAUDE_TIMESCALEDB_PORT": "5600"}
    first = as_remembered(load_settings({**environ, **shell}))
    assert first.said == {"port": Word("4500"), "database_port": Word("5600", "5500")}
    said(environ, **first.said)
    later = as_remembered(load_settings(environ))
    assert (later.port, later.database_port) == (4500, 5600)
    assert later.origins["port"] is Origin.REMEMBERED
    write(".env", "RUN_CLAUDE_TIMESCALEDB_PORT=5700\n")
    assert as_remembered(load_settings(environ)).database_port == 5700


def test_what_was_said_applies_until_something_else_is_said(environ: dict[str, str]) -> None:
    said(environ, port=Word("4601"), database_port=Word("5601"))
    settings = as_remembered(load_settings(environ))
    assert (settings.port, settings.database_port) == (4601, 5601)
    assert settings.base_url.endswith(":4601")
    assert as_remembered(settings) == settings
    assert as_remembered(load_settings(environ, port=4700)).port == 4700
    assert as_remembered(load_settings({**environ, "LITELLM_PORT": "4800"})).port == 4800


def test_that_the_database_is_not_to_be_published_is_remembered_too(environ: dict[str, str]) -> None:
    environ = {**environ, "RUN_CLAUDE_TIMESCALEDB_PORT": "5601"}
    assert as_remembered(load_settings(environ, database_port="off")).database_port is None
    said(environ, database_port=Word("off", "5601"))
    assert as_remembered(load_settings(environ)).database_port is None
    assert as_remembered(load_settings({**environ, "RUN_CLAUDE_TIMESCALEDB_PORT": "5602"})).database_port == 5602


def test_it_is_the_instances_own(environ: dict[str, str]) -> None:
    said(environ, port=Word("4601"))
    assert as_remembered(load_settings(environ, instance="other")).port == 4444


@pytest.mark.parametrize(
    "more", [{"LITELLM_PORT": "5433", "RUN_CLAUDE_TIMESCALEDB_PORT": "5433"}, {"RUN_CLAUDE_TIMESCALEDB_PORT": "4444"}]
)
def test_both_ports_the_same_are_refused(environ: dict[str, str], more: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="both use port"):
        as_remembered(load_settings({**environ, **more}))


def test_but_not_where_a_word_parts_them(environ: dict[str, str]) -> None:
    said(environ, port=Word("4601", "5433"))
    assert as_remembered(load_settings({**environ, "LITELLM_PORT": "5433"})).port == 4601


def test_a_word_that_cannot_be_used_counts_as_none(environ: dict[str, str]) -> None:
    said(environ, port=Word("soon"))
    assert as_remembered(load_settings(environ)).port == 4444
    assert replace(load_settings(environ), said={}).port == 4444


def test_a_pipe_that_nobody_writes_to_is_not_waited_for_for_ever(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may name the instance, so that none is guessed."""
    monkeypatch.setattr(pipes, "PATIENCE", 0.1)
    path = load_settings(environ).paths.env_file
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    with pytest.raises(ConfigError) as silent:
        load_settings(environ)
    with pytest.raises(ConfigError) as raised:
        as_deployed(environ, None, silent.value)
    assert raised.value is silent.value
