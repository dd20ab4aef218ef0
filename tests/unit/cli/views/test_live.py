"""What a terminal shows below the current step."""

from __future__ import annotations

import pytest

from run_claude.cli.screen import Screen
from run_claude.cli.views.live import Live


@pytest.mark.parametrize(
    ("lines", "detail"),
    [
        (["#5 [uv 1/2] FROM docker.io/library/python:3"], "uv 1/2: FROM docker.io/library/python:3"),
        (
            ["#5 [uv 1/2] FROM docker.io/library/python:3", "#5 sha256:" + "ab" * 32 + " 1.05MB / 10.50MB 0.5s"],
            "1.1 MB of 10.5 MB pulled",
        ),
        ([" db Pulling ", " 7b5479c66f9f Downloading [=>   ]  1.2MB/30MB"], "1.2 MB of 30.0 MB pulled"),
        (["#7 3.456 what a step prints"], ""),
    ],
)
def test_of_a_build_and_of_a_pull_it_is_how_far_they_are(lines: list[str], detail: str) -> None:
    live = Live(Screen())
    for line in lines:
        live.line(line)
    assert live._detail == detail
