"""`run-claude watch install`, as far as it goes without a service manager."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.cause("interpreter-passing")
@pytest.mark.skipif(sys.platform == "darwin", reason="its service manager is none that a test can stand in for")
def test_a_service_is_not_installed_with_a_python_that_will_be_cleaned_up(tmp_path: Path) -> None:
    command = tmp_path / "bin/systemctl"
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\ntouch {tmp_path}/called\n")
    command.chmod(0o755)
    environ = {**os.environ, "PATH": f"{command.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [sys.executable, "-m", "run_claude", "watch", "install", "--json"],
        env={**environ, "UV_CACHE_DIR": str(Path(sys.prefix).parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (3, "interpreter-passing")
    assert not (tmp_path / "called").exists()
    assert not list((tmp_path / "home").rglob("*.service"))


@pytest.mark.parametrize(
    ("settings", "code"), [({"DOCKER_HOST": "ssh://elsewhere"}, 78), ({"DOCKER_CONTEXT": "no"}, 4)]
)
def test_a_service_ends_for_good_where_no_restart_helps_and_there_only(settings: dict[str, str], code: int) -> None:
    """That `docker context` gives no answer may pass, as at boot; an engine of another machine does not."""
    done = subprocess.run(
        [sys.executable, "-m", "run_claude", "watch", "--no-restart-helps=78", "--json"],
        env={**{name: value for name, value in os.environ.items() if not name.startswith("DOCKER_")}, **settings},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, json.loads(done.stdout)["error"]["exit_code"]) == (code, code)
