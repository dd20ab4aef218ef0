"""What a user reads about the database."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from run_claude.config.settings import Prisma, load_settings
from run_claude.domain.lifecycle import Phase, ServiceState, Snapshot
from run_claude.stack.status import PRISMA_LABEL, database_words

if TYPE_CHECKING:
    from collections.abc import Callable

    Words = Callable[..., str]


@pytest.fixture
def words(environ: dict[str, str]) -> Words:
    settings = load_settings(environ)
    running = ServiceState(phase=Phase.HEALTHY)

    def call(*, setting: Prisma = Prisma.ON, label: str = "", uses: bool = True, database: bool = True) -> str:
        labels = ((PRISMA_LABEL, label),) if label else ()
        snapshot = Snapshot(
            timescaledb=running if database else ServiceState(phase=Phase.EXITED),
            litellm=replace(running, labels=labels),
        )
        return database_words(replace(settings, prisma=setting), snapshot, uses=uses)

    return call


def test_the_engines_are_named_where_they_are_not_those_of_npm(words: Words) -> None:
    assert words(label="on") == "used by LiteLLM"
    assert words(setting=Prisma.NATIVE, label="native") == "used by LiteLLM, by Prisma's native engines"


def test_the_container_knows_what_its_image_has_whatever_the_settings_say_now(words: Words) -> None:
    assert "native" in words(setting=Prisma.ON, label="native")
    assert "RUN_CLAUDE_PRISMA=off" in words(setting=Prisma.ON, label="off")


def test_without_a_label_the_settings_say_it(words: Words) -> None:
    assert words() == "used by LiteLLM"
    assert "RUN_CLAUDE_PRISMA=off" in words(setting=Prisma.OFF, uses=False)


def test_beside_a_proxy_that_does_not_run_nothing_is_said_of_its_use(environ: dict[str, str]) -> None:
    snapshot = Snapshot(timescaledb=ServiceState(phase=Phase.HEALTHY), litellm=ServiceState(phase=Phase.ABSENT))
    assert database_words(load_settings(environ), snapshot, uses=False) == "runs; LiteLLM does not"


def test_a_database_that_does_not_run_is_not_used(words: Words) -> None:
    assert words(database=False) == "not running; LiteLLM keeps nothing"
