"""Commands end with the line that comes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.cli.context import App
from run_claude.cli.root import run
from run_claude.cli.views.database import restored
from run_claude.cli.views.stack import started, stopped
from run_claude.config.model import Profile
from run_claude.config.settings import load_settings
from run_claude.database.archive import Manifest
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.stack import Started
from run_claude.state.folders import load_folders

if TYPE_CHECKING:
    from pathlib import Path

HEALTHY = Snapshot(litellm=ServiceState(phase=Phase.HEALTHY, published="127.0.0.1:4444"))


def folded(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(("instance", "option"), [(None, ""), ("two", "--instance two ")])
def test_a_start_says_how_a_second_terminal_uses_it(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str], instance: str | None, option: str
) -> None:
    result = Started(snapshot=HEALTHY, services=(Service.LITELLM,), profile=Profile(name="demo"), already=False)
    started(App(instance=instance, environ=environ), load_settings(environ), result)
    told = folded(capsys.readouterr().out)
    assert f"run-claude {option}with demo -- claude" in told
    assert f'eval "$(run-claude {option}env demo --export)"' in told


def test_a_stop_says_how_to_start_again(environ: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    stopped(App(environ=environ), Snapshot())
    assert "`run-claude start` starts it again." in capsys.readouterr().out


@pytest.mark.parametrize("proxy", [True, False])
def test_a_restore_says_so_where_the_proxy_is_absent(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str], proxy: bool
) -> None:
    manifest = Manifest(path="x.tar", bytes=1, instance="i", server="17", created=0, parts=())
    restored(App(environ=environ), manifest, proxy=proxy)
    assert ("`run-claude proxy start` starts it" in folded(capsys.readouterr().out)) is not proxy


@pytest.mark.parametrize("there", [True, False])
def test_set_folder_says_what_activates_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    programs, project = tmp_path / "programs", tmp_path / "project"
    programs.mkdir()
    project.mkdir()
    if there:
        (programs / "direnv").write_text("#!/bin/sh\n")
        (programs / "direnv").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs))
    assert run(["set-folder", "demo", "--folder", str(project)]) == 0
    told = folded(capsys.readouterr().out)
    assert "direnv allow" in told
    assert ('eval "$(run-claude env demo --export)"' in told) is not there
    paths = App().settings().paths
    assert load_folders(paths) == (project,)  # by it, `uninstall` finds the block
    assert run(["set-folder", "--clear", "--folder", str(project)]) == 0
    assert load_folders(paths) == ()
