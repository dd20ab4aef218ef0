"""Screens in a real terminal: wide and narrow, without colour, dumb, and after Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from typing import TYPE_CHECKING

import pytest

from tests.engine.conftest import instance, release_for
from tests.engine.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["instance"]

pytestmark = [pytest.mark.engine, pytest.mark.stand_in, pytest.mark.timeout(300)]

_STYLE = re.compile(rb"\x1b\[[0-9;]*m")
_ESCAPE = re.compile(rb"\x1b(\[[0-9;?]*[A-Za-z]|\][^\x07]*\x07|[()][A-Z0-9]|[=>])")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Instance]:
    """A healthy stack without a database."""
    stack = Instance(tmp_path_factory.mktemp("user"), release=release_for(request))
    try:
        stack.start("--no-db")
        yield stack
    finally:
        stack.remove()


class Terminal:
    """A command in a terminal of its own, of so many columns."""

    def __init__(
        self, owner: Instance, *arguments: str, columns: int = 80, variables: dict[str, str] | None = None
    ) -> None:
        environment = {name: value for name, value in owner.environment.items() if name not in ("NO_COLOR", "COLUMNS")}
        environment |= {"TERM": "xterm-256color"} | (variables or {})
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
            argv = [sys.executable, "-m", "run_claude", *arguments]
            os.execve(sys.executable, argv, environment)  # noqa: S606 (in a fork, in a test)
        self.before = termios.tcgetattr(self.master)
        self.printed = b""

    def read_until(self, wanted: bytes = b"", within: float = 90) -> bytes:
        """Read until the output has ``wanted`` in it, or to the end."""
        until = time.monotonic() + within
        while not wanted or wanted not in self.printed:
            assert time.monotonic() < until, self.printed
            if not select.select([self.master], [], [], 0.2)[0]:
                continue
            try:
                chunk = os.read(self.master, 65536)
            except OSError:  # the other side is closed
                break
            if not chunk:
                break
            self.printed += chunk
        return self.printed

    def end(self) -> int:
        """Read to the end and return the exit code."""
        self.read_until()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def lines(self) -> list[str]:
        """Return what was printed, without escape sequences; of a line that was drawn again, its last state."""
        text = _ESCAPE.sub(b"", self.printed).decode()
        return [line.rsplit("\r", 1)[-1] for line in text.replace("\r\n", "\n").split("\n")]


def cursor_shows(printed: bytes) -> bool:
    return printed.rfind(b"\x1b[?25h") >= printed.rfind(b"\x1b[?25l")


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_a_start_draws_within_the_width_and_leaves_the_terminal_whole(instance: Instance, columns: int) -> None:
    terminal = Terminal(instance, "proxy", "start", "--profile", "demo", "--no-db", columns=columns)
    assert terminal.end() == 0, terminal.printed
    assert b"\x1b[?25l" in terminal.printed, "nothing was drawn live"
    assert cursor_shows(terminal.printed)
    drawn = [line for line in terminal.lines() if "█" in line or ("healthy" in line and "●" not in line)]
    assert drawn
    assert max(map(len, drawn)) <= columns


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
@pytest.mark.parametrize("command", [("proxy", "status"), ("profiles", "list"), ("doctor",), ("no-such-command",)])
def test_without_colour_no_style_is_sent(
    running: Instance, command: tuple[str, ...], variables: dict[str, str]
) -> None:
    terminal = Terminal(running, *command, variables=variables)
    terminal.end()
    assert terminal.printed.strip()
    assert not _STYLE.search(terminal.printed), terminal.printed


def test_a_dumb_terminal_gets_lines_and_no_escape_sequence(instance: Instance) -> None:
    terminal = Terminal(instance, "proxy", "start", "--profile", "demo", "--no-db", variables={"TERM": "dumb"})
    assert terminal.end() == 0
    assert b"\x1b" not in terminal.printed
    assert b"Starting the containers" in terminal.printed


def test_quiet_prints_no_progress(instance: Instance) -> None:
    terminal = Terminal(instance, "-q", "proxy", "start", "--profile", "demo", "--no-db")
    assert terminal.end() == 0
    assert b"Starting the containers" not in terminal.printed
    assert b"serves profile demo" in terminal.printed


def test_ctrl_c_in_a_live_display_leaves_the_terminal_whole(instance: Instance) -> None:
    instance.run("install")
    terminal = Terminal(instance, "proxy", "start", "--profile", "demo", "--no-db")
    terminal.read_until(b"Starting the containers")
    os.write(terminal.master, b"\x03")
    assert terminal.end() == 130, terminal.printed
    assert cursor_shows(terminal.printed)
    assert termios.tcgetattr(terminal.master) == terminal.before
    assert b"Traceback" not in terminal.printed
