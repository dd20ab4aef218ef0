"""Completion in real shells: commands, options, profiles and models."""

from __future__ import annotations

import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import ready

if TYPE_CHECKING:
    from collections.abc import Callable

INSTALLED = Path(sys.executable).parent

# What a shell runs as `run-claude`: it has a process answer that has imported it, in 0.06 s of CPU for 0.17.
ASK = """
import os, socket, sys
environ = [f"{name}={value}" for name, value in os.environ.items()]
with socket.create_connection(("127.0.0.1", PORT)) as asking:
    asking.sendall("\\0".join([str(len(sys.argv) - 1), *sys.argv[1:], *environ]).encode())
    asking.shutdown(socket.SHUT_WR)
    sys.stdout.write(b"".join(iter(lambda: asking.recv(65536), b"")).decode())
"""


class Answered:
    """A folder for the PATH of a shell, with a `run-claude` in it that answers as the installed one does."""

    def __init__(self) -> None:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._wrong: list[object] = []  # what no completion may end with
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Path:
        folder = Path(os.environ["HOME"]) / "bin"
        folder.mkdir()
        (folder / "ask.py").write_text(ASK.replace("PORT", str(self._door.getsockname()[1])))
        command = folder / "run-claude"
        command.write_text(f"#!/bin/sh\nexec '{sys.executable}' -IS '{folder}/ask.py' \"$@\"\n")
        command.chmod(0o755)
        self._thread.start()
        return folder

    def __exit__(self, *error: object) -> None:
        with socket.create_connection(self._door.getsockname()):
            pass  # nothing is asked: the end
        self._thread.join(35)
        self._door.close()
        assert not self._thread.is_alive()
        assert not self._wrong

    def _run(self) -> None:
        while True:
            asking, _ = self._door.accept()
            with asking, asking.makefile("rwb") as stream, suppress(ConnectionError):  # who has asked may be gone
                if not (asked := stream.read().decode()):
                    return
                stream.write(self._answer(*asked.split("\0")).encode())

    def _answer(self, count: str, *given: str) -> str:
        pairs = (line.partition("=") for line in given[int(count) :])
        try:
            code, printed, said = ready.run(given[: int(count)], {name: value for name, _, value in pairs}, within=30)
        except BaseException as error:
            self._wrong.append(error)
            return ""
        if (code, said) != (0, ""):
            self._wrong.append((given, code, said))
        return printed


@cache
def completion(name: str) -> str:
    """Return what a shell is to evaluate; it is the same for all lines, and a process of its own to get."""
    code, script, _ = ready.run(("completion", name), os.environ, within=60)
    assert code == 0
    return script


def shell(name: str, script: str, commands: Path) -> str:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed; scripts/test does it on Debian")
    environment = os.environ | {"PATH": f"{commands}:{os.environ['PATH']}", "TERM": "dumb"}
    flags = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": ["--no-config"]}[name]
    done = subprocess.run(
        [name, *flags, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert "command not found" not in done.stderr, done.stderr
    return done.stdout


def bash(line: str, commands: Path) -> set[str]:
    words = line.split(" ")
    script = f"""
{completion("bash")}
COMP_WORDS=({" ".join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; COMPREPLY=()
_run_claude_completion run-claude
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return set(shell("bash", script, commands).split())


def zsh(line: str, commands: Path) -> set[str]:
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
    return set(shell("zsh", script, commands).split())


def fish(line: str, commands: Path) -> set[str]:
    script = f"{completion('fish')}\ncomplete --do-complete {line!r}"
    return {row.split("\t")[0] for row in shell("fish", script, commands).splitlines()}


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
def test_the_shell_completes(
    complete: Callable[[str, Path], set[str]], line: str, there: set[str], not_there: set[str], tmp_path: Path
) -> None:
    with Answered() as commands:
        found = complete(line, commands)
    assert there <= found
    assert not not_there & found


@pytest.mark.parametrize("complete", [bash, zsh, fish])
def test_the_installed_command_is_asked(complete: Callable[[str, Path], set[str]], tmp_path: Path) -> None:
    assert "demo-opus" in complete("run-claude models show demo-o", INSTALLED)


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
    with Answered() as commands:
        assert bash("run-claude proxy start --instance o", commands) == {"one", "other"}


# Names that are a command, or something else, where they stand on a line as they are.
EVIL = ["$(touch${IFS}owned)", "a'b;touch${IFS}owned;'", 'q"`touch${IFS}owned`"|x&', ","]
SETUP = {
    "bash": ("bash --norc --noprofile -i", 'eval "$(run-claude completion bash)"'),
    "zsh": ("zsh -f -i", 'autoload -U compinit && compinit -u -D; eval "$(run-claude completion zsh)"'),
    "fish": ("fish --no-config -i", "run-claude completion fish | source"),
}


class Typist:
    """An interactive shell, and somebody who types into it."""

    def __init__(self, name: str, commands: Path, home: Path) -> None:
        self.home = home
        self.script = home / "words.sh"
        self.script.write_text("said=$1; shift; printf '%s\\0' \"$@\" >$said.new; mv $said.new $said\n")
        command, self.setup = SETUP[name]
        path = f"{commands}:{os.environ['PATH']}"
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
        self.type(f"\x01sh {self.script} {said} \n", lambda _: said.exists())
        return said.read_text().split("\0")[:-1]

    def __enter__(self) -> Typist:
        return self

    def __exit__(self, *error: object) -> None:
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
    with Answered() as commands, Typist(name, commands, tmp_path) as typist:
        typist.type(f"{typist.setup}; echo rea''dy\n", lambda shown: b"ready" in shown)
        begun = [("", model) for model in names] + [("'", names[0]), ('"', names[0])]
        for quote, model in begun:
            line = f"run-claude models show {quote}{model[:5]}"
            assert typist.words(line, "end") == ["run-claude", "models", "show", model], (quote, model)
        assert not (tmp_path / "owned").exists()
