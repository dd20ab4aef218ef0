"""Completion in real shells: commands, options, profiles and models."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPTS = Path(sys.executable).parent


@cache
def completion(name: str) -> str:
    """Return what a shell is to evaluate; it is the same for all lines, and a process of its own to get."""
    argv = [sys.executable, "-m", "run_claude", "completion", name]
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True).stdout


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
{completion("bash")}
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
{completion("zsh")}
words=({" ".join(repr(word) for word in words)}); CURRENT={len(words)}
_run_claude_completion
"""
    return set(shell("zsh", script, home).split())


def fish(line: str, home: Path) -> set[str]:
    script = f"{completion('fish')}\ncomplete --do-complete {line!r}"
    return {row.split("\t")[0] for row in shell("fish", script, home).splitlines()}


CASES = [
    ("run-claude pro", {"proxy", "profiles"}, set()),
    ("run-claude proxy st", {"start", "stop", "status"}, {"logs"}),
    ("run-claude proxy start --pro", {"--profile"}, {"--no-db"}),
    ("run-claude proxy start --profile de", {"demo", "deepseek"}, {"start"}),
    ("run-claude with de", {"demo"}, {"models"}),
    ("run-claude models show demo-o", {"demo-opus"}, {"demo-haiku"}),
    ("run-claude db ", {"backup", "restore", "destroy"}, {"proxy"}),
    ("run-claude config set GRO", {"GROQ_API_KEY"}, {"LITELLM_PORT"}),
    ("run-claude config set RUN_CLAUDE_WATCH_B", {"RUN_CLAUDE_WATCH_BUDGET", "RUN_CLAUDE_WATCH_BACKOFF"}, {"demo"}),
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
        folder = Path(os.environ["RUN_CLAUDE_STATE"]) / "instances" / name
        folder.mkdir(parents=True)
        (folder / "lock").touch()
    assert bash("run-claude proxy start --instance o", tmp_path) == {"one", "other"}


# Names that are a command, or something else, where they stand on a line as they are.
EVIL = ["$(touch${IFS}owned)", "a'b;touch${IFS}owned;'", 'q"`touch${IFS}owned`"|x&', ","]
SETUP = {
    "bash": ("bash --norc --noprofile -i", 'eval "$(run-claude completion bash)"'),
    "zsh": ("zsh -f -i", 'autoload -U compinit && compinit -u -D; eval "$(run-claude completion zsh)"'),
    "fish": ("fish --no-config -i", "run-claude completion fish | source"),
}


class Typist:
    """An interactive shell, and somebody who types into it."""

    def __init__(self, name: str, home: Path) -> None:
        self.home = home
        self.script = home / "words.py"
        self.script.write_text("import json, sys\nopen(sys.argv[1], 'w').write(json.dumps(sys.argv[2:]))\n")
        command, self.setup = SETUP[name]
        path = f"{SCRIPTS}:{os.environ['PATH']}"
        environment = os.environ | {"PATH": path, "HOME": str(home), "TERM": "xterm", "PS1": "$ "}
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *command.split()],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            cwd=home,
        )
        os.close(slave)
        self._shown = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with suppress(OSError):  # it has ended
            while chunk := os.read(self._master, 4096):
                self._shown += chunk

    def type(self, keys: str, until: Callable[[bytes], bool]) -> None:
        """Type, and wait until what is shown since then, or done, is so."""
        before, end = len(self._shown), time.monotonic() + 30
        os.write(self._master, keys.encode())
        while not until(self._shown[before:]):
            assert time.monotonic() < end, self._shown.decode(errors="replace")
            time.sleep(0.02)

    def words(self, line: str, ends: str) -> list[str]:
        """Return the words of a line that is completed by a tab, as the shell expands them when it is entered."""
        said = self.home / f"said{time.monotonic_ns()}"
        self.type(f"{line}\t", lambda shown: ends.encode() in shown)
        self.type(f"\x01{sys.executable} {self.script} {said} \n", lambda _: said.exists() and bool(said.read_text()))
        return [str(word) for word in json.loads(said.read_text())]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reader.join(5)
        os.close(self._master)


@pytest.mark.parametrize("name", list(SETUP))
def test_a_name_that_is_a_command_is_completed_as_a_word(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed; scripts/test does it on Debian")
    config = Path(os.environ["RUN_CLAUDE_HOME"])
    config.mkdir()
    names = [f"evil{number}{text}end" for number, text in enumerate(EVIL)]
    models = [{"model_name": model, "litellm_params": {"model": "demo/opus"}} for model in names]
    (config / "models.yaml").write_text(json.dumps({"model_list": models}))
    typist = Typist(name, tmp_path)
    try:
        typist.type(f"{typist.setup}; echo rea''dy\n", lambda shown: b"ready" in shown)
        begun = [("", model) for model in names] + [("'", names[0]), ('"', names[0])]
        for quote, model in begun:
            line = f"run-claude models show {quote}{model[:5]}"
            assert typist.words(line, "end") == ["run-claude", "models", "show", model], (quote, model)
        assert not (tmp_path / "owned").exists()
    finally:
        typist.close()
