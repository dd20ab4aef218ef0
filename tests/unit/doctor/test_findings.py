"""Measured facts become findings."""

from __future__ import annotations

import pytest

from run_claude.doctor.findings import (
    Finding,
    Mark,
    failed,
    judge_clock,
    judge_compose,
    judge_engine,
    judge_limits,
    judge_machine,
    well,
)
from run_claude.errors import ConfigError

GB = 1 << 30


def test_a_machine_with_room_is_well() -> None:
    found = judge_machine(cpus=2, memory=8 * GB, available=6 * GB, disk_free=50 * GB)
    assert [finding.mark for finding in found] == [Mark.OK, Mark.OK]
    assert found[0].text == "2 CPUs, 8.0 GB of memory (6.0 GB available)"


@pytest.mark.parametrize(("memory", "available"), [(GB // 2, None), (8 * GB, GB // 8)])
def test_too_little_memory_is_told(memory: int, available: int | None) -> None:
    found = judge_machine(cpus=1, memory=memory, available=available, disk_free=None)
    assert [(finding.mark, finding.code) for finding in found] == [(Mark.FAILED, "out-of-memory")]
    assert found[0].help


@pytest.mark.parametrize(
    ("free", "mark", "code"),
    [(GB // 4, Mark.FAILED, "disk-full"), (2 * GB, Mark.NOTE, ""), (9 * GB, Mark.OK, "")],
)
def test_a_disk_is_judged_by_what_a_build_takes(free: int, mark: Mark, code: str) -> None:
    disk = judge_machine(cpus=1, memory=4 * GB, available=None, disk_free=free)[1]
    assert (disk.mark, disk.code) == (mark, code)
    assert bool(disk.help) == (mark is not Mark.OK)


@pytest.mark.parametrize(
    ("api", "mark"), [((1, 43), Mark.FAILED), ((1, 44), Mark.OK), ((1, 52), Mark.OK), ((2, 0), Mark.OK)]
)
def test_an_engine_is_judged_by_its_api(api: tuple[int, int], mark: Mark) -> None:
    assert judge_engine("Docker 1", api, milliseconds=1).mark is mark


@pytest.mark.parametrize(
    ("ahead", "words"), [(0.5, ""), (-100, ""), (3600, "60 min ahead of"), (-86400, "1440 min behind")]
)
def test_a_clock_that_is_wrong_is_told(ahead: float, words: str) -> None:
    texts = [finding.text for finding in judge_clock(ahead)]
    assert texts == ([f"the engine's clock is {words} this machine's"] if words else [])


def test_an_engine_that_enforces_no_limits_is_noted() -> None:
    rootless = {"MemoryLimit": False, "PidsLimit": False, "CgroupDriver": "none"}
    [found] = judge_limits(rootless)
    assert found.mark is Mark.NOTE
    assert found.text == "the engine enforces no limits of memory and processes: it has no control groups"
    assert judge_limits({"MemoryLimit": True, "PidsLimit": True}) == judge_limits({}) == []


def test_an_engine_that_is_newer_than_we_know_is_said_to_be() -> None:
    found = judge_engine("Docker 31", (1, 60), milliseconds=1)
    assert found.mark is Mark.OK
    assert "API 1.60 is newer than run-claude was tried with (1.51)" in found.text


@pytest.mark.parametrize(
    ("version", "mark"),
    [
        ("2.19.9", Mark.FAILED),
        ("v2.20.0", Mark.OK),
        ("2.26.1-4", Mark.OK),
        ("5.0.0-rc.1", Mark.OK),
        ("1.29", Mark.FAILED),
        ("dev", Mark.OK),
    ],
)
def test_compose_is_judged_by_its_version(version: str, mark: Mark) -> None:
    assert judge_compose(version).mark is mark


def test_an_error_is_a_finding_with_all_of_it() -> None:
    found = failed("config", ConfigError("m", help="h", code="yaml-invalid", facts={"line": 3}), repair="files")
    assert found.as_json() == {
        "check": "config",
        "mark": "failed",
        "text": "m",
        "help": "h",
        "code": "yaml-invalid",
        "repair": "files",
        "facts": {"line": 3},
    }


def test_only_what_failed_needs_the_user() -> None:
    notes = [Finding(check="a", mark=mark, text="") for mark in (Mark.OK, Mark.NOTE, Mark.SKIPPED)]
    assert well(notes)
    assert not well([*notes, Finding(check="a", mark=Mark.FAILED, text="")])
