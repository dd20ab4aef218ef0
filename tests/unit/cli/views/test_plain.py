"""Progress as plain lines."""

from __future__ import annotations

import io
import os

import pytest

from run_claude.cli.views.plain import Plain


def shown(*argv: str, verbose: bool = True) -> str:
    stream = io.StringIO()
    Plain(stream, os.environ, verbose=verbose).command(argv)
    return stream.getvalue()


def test_a_command_is_shown_as_a_shell_takes_it() -> None:
    assert shown("docker", "compose", "--file", "/a b/c.yaml", "up") == "$ docker compose --file '/a b/c.yaml' up\n"


def test_without_verbose_no_command_is_shown() -> None:
    assert shown("docker", "ps", verbose=False) == ""


@pytest.mark.parametrize(
    "argv",
    [
        ("psql", "postgres://me:planted@host/db"),
        ("curl", "-H", "Authorization: Bearer sk-planted-0123456789"),
        ("psql", "-c", "ALTER USER x PASSWORD = 'planted-0123'"),
        ("echo", "the value of planted-by-name"),
    ],
)
def test_a_secret_in_a_command_is_not_shown(argv: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "planted-by-name")
    assert "planted" not in shown(*argv)
    assert "[redacted]" in shown(*argv)
