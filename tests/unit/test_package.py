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


def imported_by(command: list[str], names: set[str]) -> str:
    """Run a command in a process of its own and return which of the modules it has imported."""
    code = (
        "import sys; from run_claude.cli.root import run\n"
        f"run({command!r})\n"
        f"print(sorted({names!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["env", "demo"], ["profiles", "list"]])
def test_quick_commands_import_neither_aiohttp_nor_rich_nor_httpx(command: list[str]) -> None:
    assert imported_by(command, {"aiohttp", "aiodocker", "rich", "httpx", "yaml"}) == "[]"


@pytest.mark.parametrize(
    "command",
    [
        ["env", "demo"],
        ["env", "nobody"],
        ["env", "--help"],
        ["--instance", "x", "env", "demo"],
        ["-q", "--json", "profiles", "list"],
        ["profiles", "show", "demo"],
        ["config", "path"],
        ["set-folder", "--help"],
        ["--help"],
        ["-v", "--version"],
    ],
    ids=" ".join,
)
def test_commands_that_only_read_files_run_without_an_event_loop(command: list[str]) -> None:
    assert imported_by(command, {"asyncio", "anyio"}) == "[]"
