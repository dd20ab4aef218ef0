"""What surrounds the watcher: its memory on disk, its settings, its one place, what it heals with."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from run_claude.config.settings import Settings, load_settings
from run_claude.deploy.prepare import prepare
from run_claude.domain.lifecycle import Service
from run_claude.domain.supervision_memory import Block, Memory, Policy, Stop
from run_claude.errors import BusyError, ConfigError, UsageError
from run_claude.state.deployed import load_deployment
from run_claude.state.watch_memory import load_memory, save_memory
from run_claude.watch.policy import VARIABLES, policy_of
from run_claude.watch.supervisor import watching

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path), "RUN_CLAUDE_PRISMA": "off"}


@pytest.fixture
def settings(environ: dict[str, str]) -> Settings:
    return load_settings(environ)


# --- memory -----------------------------------------------------------------------------------------------------------


def test_what_has_to_survive_the_watcher_is_read_back(tmp_path: Path) -> None:
    memory = Memory(
        attempts=(1.5, 2.5),
        consecutive_failures=2,
        last=3.5,
        stops={Service.LITELLM: Stop("p1", 1.0)},
        block=Block(code="disk-full", message="m", help="h", since=1.0, fingerprint="f", tried=2.0),
        intended=7.0,
        acting="restart litellm",
    )
    save_memory(tmp_path / "watch.json", memory)
    assert load_memory(tmp_path / "watch.json") == memory
    assert (tmp_path / "watch.json").stat().st_mode & 0o777 == 0o600


@given(data=st.binary(max_size=200) | st.recursive(st.none() | st.text(), st.lists).map(lambda x: str(x).encode()))
@settings_of_hypothesis(
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)  # the file is written anew
def test_a_file_that_is_none_counts_as_none(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "watch.json"
    path.write_bytes(data)
    assert load_memory(path) == Memory()


def test_no_file_counts_as_none(tmp_path: Path) -> None:
    assert load_memory(tmp_path / "none") == Memory()


# --- settings ---------------------------------------------------------------------------------------------------------


def test_without_settings_it_is_the_default(settings: Settings) -> None:
    assert policy_of(settings) == Policy()


def test_each_setting_sets_its_field(environ: dict[str, str]) -> None:
    environ |= dict.fromkeys(VARIABLES, "7")
    assert policy_of(load_settings(environ)) == replace(Policy(), **dict.fromkeys(VARIABLES.values(), 7))


@pytest.mark.parametrize("value", ["0", "-1", "many", "nan", "inf"])
@pytest.mark.parametrize("name", VARIABLES)
def test_a_setting_that_cannot_be_used_is_named(environ: dict[str, str], name: str, value: str) -> None:
    environ[name] = value
    with pytest.raises(ConfigError, match=name):
        policy_of(load_settings(environ))


# --- one place --------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.cause("already-watched")
async def test_there_is_one_watcher_for_an_instance(settings: Settings, environ: dict[str, str]) -> None:
    async with watching(settings), watching(load_settings(environ, instance="other")):
        with pytest.raises(BusyError, match=r"run-claude watch \(pid \d+\)") as caught:
            async with watching(settings):
                pass
    assert caught.value.code == "already-watched"
    async with watching(settings):
        pass


# --- what it heals with -----------------------------------------------------------------------------------------------


@pytest.mark.cause("never-started")
def test_what_was_never_started_cannot_be_healed(settings: Settings) -> None:
    with pytest.raises(ConfigError) as caught:
        load_deployment(settings.paths)
    assert caught.value.code == "never-started"


@pytest.mark.parametrize("extra", [{}, {"RUN_CLAUDE_PYTHON_IMAGE": "mirror/python:3.13", "LITELLM_PORT": "4999"}])
def test_it_is_what_was_started_whatever_is_set_now(environ: dict[str, str], extra: dict[str, str]) -> None:
    prepared = prepare(load_settings({**environ, **extra}), profile="demo", database=True)
    found = load_deployment(load_settings(environ).paths)
    assert (found.database, found.image, found.project) == (prepared.database, prepared.image, prepared.project)


# --- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.anyio
@pytest.mark.cause("not-a-terminal")
async def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    from run_claude.cli.ask import confirm

    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: False))
    with pytest.raises(UsageError, match="terminal") as caught:
        await confirm("Really?", instead="--yes")
    assert caught.value.code == "not-a-terminal"
