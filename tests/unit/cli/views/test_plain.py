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


def pulled(*lines: str, verbose: bool = False) -> list[str]:
    stream = io.StringIO()
    plain = Plain(stream, os.environ, verbose=verbose)
    plain.step("Pulling x")
    for line in lines:
        plain.line(line)
    return stream.getvalue().splitlines()[1:]


def test_a_pull_shows_how_far_it_is_now_and_then() -> None:
    layer = [f" 7b5479c66f9f Downloading [=>  ]  {megabytes}MB/130MB" for megabytes in range(1, 130)]
    assert pulled(" db Pulling ", *layer, " db Pulled ") == [
        f"  {done} MB of 130 MB pulled" for done in ("25.0", "50.0", "75.0", "100", "125")
    ]
    assert pulled("#5 sha256:" + "ab" * 32 + " 45.10MB / 45.10MB 0.5s done") == ["  45.1 MB of 45.1 MB pulled"]
    assert pulled(layer[0], verbose=True) == [f"  {layer[0]}"]
