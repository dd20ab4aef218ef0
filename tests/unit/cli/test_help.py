"""The help of every command teaches by an example, and fits a terminal of 80 columns."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import asyncclick as click
import pytest

from run_claude.cli.root import cli


def commands(command: click.Command, path: tuple[str, ...]) -> list[tuple[str, ...]]:
    found = [path]
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1])
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            found += commands(inner, (*path, name))
    return found


PATHS = commands(cli, ("run-claude",))


@cache
def helps() -> dict[tuple[str, ...], str]:
    """Return what each command's --help prints at 80 columns."""

    def ask(path: tuple[str, ...]) -> str:
        argv = [sys.executable, "-m", "run_claude", *path[1:], "--help"]
        environment = os.environ | {"COLUMNS": "80"}
        return subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True).stdout

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PATHS, pool.map(ask, PATHS), strict=True))


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_the_help_has_an_example_and_fits_80_columns(path: tuple[str, ...]) -> None:
    text = helps()[path]
    examples = [line for line in text.splitlines() if " ".join(path) in line and not line.startswith("Usage:")]
    assert examples, text
    assert max(map(len, text.splitlines())) <= 80, text
