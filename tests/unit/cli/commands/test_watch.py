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
