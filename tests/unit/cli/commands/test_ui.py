from __future__ import annotations

import pytest

from run_claude.cli.commands.ui import has_browser


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"BROWSER": "firefox"}, "linux", True),
        ({}, "linux", False),
        ({"SSH_CONNECTION": "x"}, "linux", False),
        ({}, "darwin", True),
    ],
)
def test_a_browser_needs_somewhere_to_show_a_page(environ: dict[str, str], platform: str, expected: bool) -> None:
    assert has_browser(environ, platform) is expected
