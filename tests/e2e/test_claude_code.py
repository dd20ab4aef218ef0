"""The real Claude Code client, through `run-claude with`, against the real stack."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from ..engine.commands import Commands

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.engine, pytest.mark.timeout(400)]


def test_claude_code_gets_its_answer_from_a_stack_that_did_not_run(tmp_path: Path) -> None:
    claude = shutil.which("claude")
    if claude is None:
        assert not os.environ.get("CI"), "Claude Code is not installed"
        pytest.skip("Claude Code is not installed: npm install -g @anthropic-ai/claude-code")
    instance = Commands(tmp_path / "user")
    instance.folder.mkdir()
    try:
        done = instance.run("with", "demo", "--", claude, "-p", "say hi")
        assert "demo profile" in done.stdout
        assert "say hi" in done.stdout
        again = instance.run("with", "demo", "--", claude, "-p", "and again", "--model", "opus")
        assert "demo profile" in again.stdout
    finally:
        instance.remove()
