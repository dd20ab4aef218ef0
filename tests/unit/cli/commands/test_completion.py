"""Completion in real shells: commands, options, profiles and models."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(sys.executable).parent


def shell(name: str, script: str, home: Path) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed; scripts/test does it on Debian")
    environment = os.environ | {"PATH": f"{SCRIPTS}:{os.environ['PATH']}", "HOME": str(home), "TERM": "dumb"}
    flags = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
    done = subprocess.run(
        [name, *flags, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "command not found" not in done.stderr, done.stderr
    return done.stdout


def bash(line: str, home: Path) -> set[str]:
    words = line.split(" ")
    script = f"""
eval "$(run-claude completion bash)"
COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; COMPREPLY=()
_run_claude_completion run-claude
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return set(shell("bash", script, home).split())


def zsh(line: str, home: Path) -> set[str]:
    # Beyond a terminal zsh has no completion; what its function asks and understands is what can be tried here.
    words = line.split(" ")
    script = f"""
compdef() {{ :; }}
compadd() {{ [[ $1 == -U ]] && print -l -- $completions }}
_describe() {{ print -l -- "${{completions_with_descriptions[@]%%:*}}" }}
eval "$(run-claude completion zsh)"
words=({" ".join(repr(word) for word in words)}); CURRENT={len(words)}
_run_claude_completion
"""
    return set(shell("zsh", script, home).split())


def fish(line: str, home: Path) -> set[str]:
    script = f"run-claude completion fish | source; complete --do-complete {line!r}"
    return {row.split("\t")[0] for row in shell("fish", script, home).splitlines()}


CASES = [
    ("run-claude pro", {"proxy", "profiles"}, set()),
    ("run-claude proxy st", {"start", "stop", "status"}, {"logs"}),
    ("run-claude proxy start --pro", {"--profile"}, {"--no-db"}),
    ("run-claude proxy start --profile de", {"demo", "deepseek"}, {"start"}),
    ("run-claude with de", {"demo"}, {"models"}),
    ("run-claude models show demo-o", {"demo-opus"}, {"demo-haiku"}),
    ("run-claude db ", {"backup", "restore", "destroy"}, {"proxy"}),
    ("run-claude completion ", {"bash", "zsh", "fish"}, {"proxy"}),
]


@pytest.mark.parametrize("complete", [bash, zsh, fish])
@pytest.mark.parametrize(("line", "there", "not_there"), CASES, ids=[case[0] for case in CASES])
def test_the_shell_completes(complete: object, line: str, there: set[str], not_there: set[str], tmp_path: Path) -> None:
    assert callable(complete)
    found = complete(line, tmp_path)
    assert there <= found
    assert not not_there & found


def test_broken_files_complete_nothing_and_print_no_error(tmp_path: Path) -> None:
    config = Path(os.environ["RUN_CLAUDE_HOME"])
    config.mkdir()
    (config / "models.yaml").write_text("a: [")
    environment = os.environ | {
        "_RUN_CLAUDE_COMPLETE": "bash_complete",
        "COMP_WORDS": "run-claude with d",
        "COMP_CWORD": "2",
    }
    argv = [sys.executable, "-m", "run_claude"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_the_names_of_instances_complete(tmp_path: Path) -> None:
    for name in ("one", "two", "other"):
        (Path(os.environ["RUN_CLAUDE_STATE"]) / "instances" / name).mkdir(parents=True)
    assert bash("run-claude proxy start --instance o", tmp_path) == {"one", "other"}
