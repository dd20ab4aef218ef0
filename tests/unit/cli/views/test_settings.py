"""`config list` says what applies and why."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from run_claude.cli.root import run
from run_claude.config.settings import load_settings
from run_claude.domain.remembered import Word
from run_claude.state.intent import Intent, save_intent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest


def test_each_setting_comes_from_somewhere(
    environ: dict[str, str], write: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    write(".env", "RUN_CLAUDE_LITELLM_MEMORY=3g\n")
    intent = Intent(wanted="up", database=False, profile="demo", said={"port": Word("4601")})
    save_intent(load_settings(environ).paths.intent_file, intent)
    assert run(["config", "list", "--json"]) == 0
    rows = {row["name"]: (row["value"], row["origin"]) for row in json.loads(capsys.readouterr().out)}
    assert rows["LITELLM_PORT"] == ("4601", "said by `proxy start --port 4601`")
    assert rows["RUN_CLAUDE_TIMESCALEDB_PORT"] == ("off", "default")
    assert rows["RUN_CLAUDE_LITELLM_MEMORY"][0] == "3g"
    assert ".env:1" in rows["RUN_CLAUDE_LITELLM_MEMORY"][1]
    assert rows["profile"][0] == "demo"
    assert rows["database"][0] == "no"


def test_it_is_a_table_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["config", "list"]) == 0
    assert "LITELLM_PORT" in capsys.readouterr().out
