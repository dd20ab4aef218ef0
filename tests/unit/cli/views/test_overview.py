"""`run-claude` alone: the command that comes next, from what is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from run_claude.cli.context import App
from run_claude.cli.views.overview import next_step, overview_screen
from run_claude.config.paths import Paths
from run_claude.config.settings import Settings
from run_claude.domain.lifecycle import Phase, Service, ServiceState, Snapshot
from run_claude.stack.status import Status

SETTINGS = Settings(instance="run-claude", paths=Paths(config=Path("/c"), state=Path("/s")))


def status(litellm: Phase, **changed: Any) -> Status:
    state = ServiceState(phase=litellm)
    values: dict[str, Any] = {
        "settings": SETTINGS,
        "snapshot": Snapshot(litellm=state),
        "services": (Service.LITELLM,),
        "endpoint": "unix:///var/run/docker.sock",
        "profile": "groq",
        "wanted": "up",
        "database": "not running",
        "drift": (),
        "watcher": "",
    }
    return Status(**{**values, **changed})


@pytest.mark.parametrize(
    ("now", "command", "why"),
    [
        (status(Phase.ABSENT, wanted="", profile=""), "run-claude with demo -- claude", "needs no key"),
        (status(Phase.HEALTHY), "run-claude with groq -- claude", "runs Claude Code"),
        (status(Phase.HEALTHY, drift=("the image",)), "run-claude proxy start", "the image"),
        (status(Phase.EXITED, wanted="down"), "run-claude with groq -- claude", "starts the stack again"),
        (status(Phase.STARTING), "run-claude proxy wait healthy", "ready"),
        (status(Phase.UNHEALTHY), "run-claude proxy start", "run-claude doctor"),
        (status(Phase.ABSENT), "run-claude proxy start", "not running"),
        (status(Phase.HEALTHY, broken="models.yaml:3: no YAML"), "run-claude doctor", "what is broken"),
        (status(Phase.ABSENT, unfinished="db stop"), "run-claude proxy start", "run-claude db stop"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_next_command_follows_from_what_is(now: Status, command: str, why: str) -> None:
    said, because = next_step(now)
    assert said == command
    assert why in because


def test_the_folders_profile_comes_before_the_last_one() -> None:
    assert next_step(status(Phase.HEALTHY), "demo")[0] == "run-claude with demo -- claude"


def test_what_comes_next_is_for_the_instance_that_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    overview_screen(App(instance="trial", json=True), status(Phase.HEALTHY), None, "")
    assert json.loads(capsys.readouterr().out)["next"]["command"] == "run-claude --instance trial with groq -- claude"
