"""A report is for everybody's eyes: nothing in it is a key, and nothing in it acts on who reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from run_claude.doctor.report import write_report
from run_claude.domain.lifecycle import Service
from tests.fake.stage import Stage, staged
from tests.marks import mark

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = pytest.mark.anyio

HEADER, QUERY, PASSWORD = "planted-header-1", "planted-query-2", "planted-pass-3"
PARAMS = {
    "model": "openai/gpt-5",
    "api_base": f"https://me:{PASSWORD}@models.example/v1?code={QUERY}",
    "extra_headers": {"X-Anything": HEADER},
}


@pytest.fixture
async def stage(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with staged(environ, monkeypatch) as stage:
        yield stage


async def test_it_shows_no_header_no_query_and_no_user_of_an_address(stage: Stage) -> None:
    stage.deployed()
    row = {"model_name": "mine", "litellm_params": PARAMS}
    stage.settings.paths.litellm_config.write_text(json.dumps({"model_list": [row]}))
    stage.has(Service.LITELLM).log = [
        mark("litellm imported"),
        f"sent X-Anything: {HEADER} to https://models.example/v1?code={QUERY}",
        f"\x1b[2Jhidden\u202e key=\x1b[31m{HEADER[:8]}\x1b[0m{HEADER[8:]}",
    ]
    report = await write_report(stage.settings, [], [])
    for secret in (HEADER, QUERY, PASSWORD, "sk-planted-0123456789"):
        assert secret not in report
    assert "run-claude: litellm imported\n" in report, "without its seal"
    assert r"hidden\u202e key=[redacted]" in report
    assert all(char.isprintable() or char == "\n" for char in report)
    assert "https://[redacted]@models.example/v1?[redacted]" in report
    assert "model: openai/gpt-5" in report


async def test_a_configuration_that_cannot_be_read_is_not_shown(stage: Stage) -> None:
    stage.deployed()
    stage.settings.paths.litellm_config.write_text(f"a: [\n{HEADER}")
    report = await write_report(stage.settings, [], [])
    assert HEADER not in report
    assert "(it cannot be parsed)" in report
