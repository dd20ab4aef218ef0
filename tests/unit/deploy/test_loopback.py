from __future__ import annotations

import pytest

from run_claude.deploy.loopback import reachable


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("http://localhost:11434/v1", "http://host.docker.internal:11434/v1"),
        ("http://127.0.0.1", "http://host.docker.internal"),
        ("https://[::1]:8443/x?y#z", "https://host.docker.internal:8443/x?y#z"),
        ("http://me:s%40cret@localhost:3128", "http://me:s%40cret@host.docker.internal:3128"),
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("http://localhost.example.com:1", "http://localhost.example.com:1"),
        ("http://localhost:port/", "http://localhost:port/"),
        ("http://[::1", "http://[::1"),
        ("", ""),
    ],
)
def test_this_machines_loopback_is_another_name_in_a_container(url: str, reached: str) -> None:
    assert reachable(url) == reached
