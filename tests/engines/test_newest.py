"""The newest engine, Compose and Python that Debian has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.engine.instance import docker

from .machine import NEWEST, ONE_ARCHIVE
from .obligations import MachineObligations

if TYPE_CHECKING:
    from collections.abc import Callable

    from .machine import Resident

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(600), pytest.mark.slow(60), ONE_ARCHIVE]
ENGINE = NEWEST


def version(text: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", text)[:3]]


def test_it_is_newer_than_the_engine_of_all_other_tests(
    stack: Resident, record_property: Callable[[str, object], None]
) -> None:
    compose = ("compose", "version", "--short")
    here = {"engine": docker("version", "--format", "{{.Server.Version}}"), "compose": docker(*compose)}
    there = {"engine": stack.machine.info()["ServerVersion"], "compose": stack.docker(*compose)}
    there_too = {"python": stack.machine.run("python3", "--version").stdout.split()[-1]}
    record_property("figure", f"the newest engine that is tried: {there | there_too}; all other tests: {here}")
    if version(here["engine"]) >= version(there["engine"]):  # with CI set, that fails
        pytest.skip(f"the engine of this run is as new as Debian's newest: {here}, {there}")
    assert version(there["compose"]) > version(here["compose"]), (there, here)


class TestTheNewest(MachineObligations):
    """All that is owed."""
