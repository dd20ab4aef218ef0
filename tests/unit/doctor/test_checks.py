"""The doctor's frame: every check is heard, whatever the others do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import pytest

from run_claude.cli.root import run
from run_claude.config.settings import Settings, load_settings
from run_claude.doctor import checks as checks_module
from run_claude.doctor.checks import CHECKS, diagnose
from run_claude.doctor.findings import Finding, Mark
from run_claude.errors import EngineError
from tests.engine.instance import free_port

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from run_claude.doctor.context import Context


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    # Ports of its own: those of the default may be taken by the user's own stack.
    ports = {"LITELLM_PORT": str(free_port()), "RUN_CLAUDE_TIMESCALEDB_PORT": str(free_port())}
    return load_settings({"HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none.sock", **ports})


async def fine(context: Context) -> Sequence[Finding]:
    return [Finding(check="fine", mark=Mark.OK, text="yes")]


async def hangs(context: Context) -> Sequence[Finding]:
    await anyio.sleep_forever()
    return []


async def breaks(context: Context) -> Sequence[Finding]:
    raise ZeroDivisionError("oh")


async def tells(context: Context) -> Sequence[Finding]:
    raise EngineError("no engine", help="start it", code="engine-not-running")


@pytest.mark.cause("internal")
@pytest.mark.anyio
async def test_no_check_hides_another(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    staged = {"hangs": hangs, "fine": fine, "breaks": breaks, "tells": tells}
    monkeypatch.setattr(checks_module, "CHECKS", staged)
    found = await diagnose(settings, within=0.1)
    assert [(finding.check, finding.code) for finding in found] == [
        ("hangs", "engine-frozen"),
        ("fine", ""),
        ("breaks", "internal"),
        ("tells", "engine-not-running"),
    ]
    assert all(finding.help for finding in found if finding.mark is Mark.FAILED)


@pytest.mark.anyio
async def test_checks_run_at_the_same_time(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    met = 0
    all_there = anyio.Event()

    async def meets(context: Context) -> Sequence[Finding]:
        nonlocal met
        met += 1
        if met == 3:
            all_there.set()
        await all_there.wait()
        return await fine(context)

    monkeypatch.setattr(checks_module, "CHECKS", {str(number): meets for number in range(3)})
    assert [finding.mark for finding in await diagnose(settings, within=5)] == [Mark.OK] * 3


@pytest.mark.anyio
async def test_without_an_engine_the_rest_is_looked_at_and_the_engine_told_once(settings: Settings) -> None:
    found = await diagnose(settings)
    marks = {finding.check: finding.mark for finding in found}
    assert marks["engine"] is Mark.FAILED
    assert {marks[check] for check in ("image", "volume", "containers", "drift", "answer")} == {Mark.SKIPPED}
    assert {marks[check] for check in ("machine", "context", "config", "ports")} == {Mark.OK}
    assert [finding.code for finding in found if finding.mark is Mark.FAILED] == ["engine-not-running"]
    assert len(marks) >= len(CHECKS)


def test_the_exit_code_and_the_json_say_whether_all_is_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    assert run(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["well"] is False
    assert {row["mark"] for row in told["findings"]} >= {"ok", "failed", "skipped"}


def test_a_broken_configuration_is_one_finding_among_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/models.yaml").write_text("models: [\n")
    assert run(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "models.yaml:" in printed
    assert "FAILED   engine" in printed.replace("engine ", "engine ")
    assert "\x1b" not in printed, "no colours where no terminal is"
    assert "→ " in printed


@pytest.mark.parametrize(("line", "said"), [("LITELLM_PORT=99999", "LITELLM_PORT"), ("what is this", ".env:1")])
def test_settings_that_cannot_be_used_are_one_finding_among_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/.env").write_text(line + "\n")
    (tmp_path / "config/.env").chmod(0o600)
    assert run(["doctor", "--fix", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert said in told["findings"][0]["text"]
    assert told["repaired"] == []
    assert [row["text"] for row in told["findings"]].count(told["findings"][0]["text"]) == 1
    assert {"engine", "machine", "answer"} <= {row["check"] for row in told["findings"]}


def test_a_reader_that_goes_away_ends_it_without_a_word(tmp_path: Path) -> None:
    environment = os.environ | {"HOME": str(tmp_path), "DOCKER_HOST": f"unix://{tmp_path}/none.sock"}
    command = [sys.executable, "-m", "run_claude", "doctor"]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(command, env=environment, stdout=writer, stderr=subprocess.PIPE, check=False, timeout=30)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_what_of_the_users_files_is_not_used_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/user.profiles.yaml").write_text("mine: {name: Mine}\n")
    (tmp_path / "config/models.yaml").write_text(
        "models:\n  a: {litellm_params: {model: vertex_ai/x, vertex_credentials: os.environ/VERTEXAI_CREDENTIALS}}\n"
    )
    monkeypatch.setenv("VERTEXAI_CREDENTIALS", "/nowhere.json")
    run(["doctor", "--json"])
    notes = [row["text"] for row in json.loads(capsys.readouterr().out)["findings"] if row["mark"] == "note"]
    assert any("mine: not used" in text for text in notes)
    assert any("/nowhere.json is not there" in text for text in notes)


@pytest.mark.anyio
@pytest.mark.parametrize("hidden", [True, False])
async def test_a_docker_from_a_snap_is_told_where_our_files_are_hidden_from_it(tmp_path: Path, hidden: bool) -> None:
    """Its command is a link to snap's own program, which confines it."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "snap").write_text("#!/bin/sh\necho 2.40.3\n")
    (tmp_path / "snap").chmod(0o755)
    (tmp_path / "bin/docker").symlink_to(tmp_path / "snap")
    environ = {"HOME": str(tmp_path), "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    if not hidden:
        environ |= {
            "RUN_CLAUDE_HOME": f"{tmp_path}/run-claude/home",
            "RUN_CLAUDE_STATE": f"{tmp_path}/run-claude/state",
        }
    settings = load_settings({**environ, "DOCKER_HOST": f"unix://{tmp_path}/none.sock"})
    found = [finding for finding in await diagnose(settings) if finding.check == "compose"]
    assert [finding.code for finding in found] == (["", "files-out-of-reach"] if hidden else [""])
    assert not hidden or ".config/run-claude" in found[-1].text
