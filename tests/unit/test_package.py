"""The package as others import it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import run_claude


@pytest.mark.parametrize("name", run_claude.__all__)
def test_every_exported_name_can_be_imported(name: str) -> None:
    assert getattr(run_claude, name).__name__ == name


def test_the_quick_answer_to_version_is_the_same_as_the_slow_one() -> None:
    quick, slow = (
        subprocess.run([sys.executable, "-m", "run_claude", *words], capture_output=True, text=True, check=True).stdout
        for words in (["--version"], ["-q", "--version"])
    )
    assert quick == slow == f"run-claude {run_claude.__version__}\n"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_here"):
        _ = run_claude.nothing_here


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["env", "demo"], ["profiles", "list"]])
def test_quick_commands_import_neither_aiohttp_nor_rich_nor_httpx(command: list[str]) -> None:
    code = (
        "import sys; from run_claude.cli.app import run\n"
        f"run({command!r})\n"
        "print(sorted({'aiohttp', 'aiodocker', 'rich', 'httpx', 'yaml'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"
