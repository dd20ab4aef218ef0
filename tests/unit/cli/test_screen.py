"""What the output goes to: terminals, pipes, and what the user's environment says about them."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
from typing import TYPE_CHECKING, TextIO

import pytest

from run_claude.cli.screen import Screen

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def terminal() -> Iterator[TextIO]:
    """A terminal of 72 columns."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 72, 0, 0))
    with os.fdopen(slave, "w") as stream:
        yield stream
    os.close(master)


def test_a_terminal_has_its_width_and_shows_colours(terminal: TextIO) -> None:
    assert Screen.of(terminal, {"TERM": "xterm"}) == Screen(columns=72, colour=True, terminal=True)


def test_columns_of_the_environment_win(terminal: TextIO) -> None:
    assert Screen.of(terminal, {"COLUMNS": "50"}).columns == 50
    assert Screen.of(terminal, {"COLUMNS": "wide"}).columns == 72


def test_a_terminal_that_does_not_know_its_width_has_80_columns(terminal: TextIO) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    assert Screen.of(terminal, {}).columns == 80


def test_no_color_turns_colours_off_and_keeps_the_rest(terminal: TextIO) -> None:
    assert Screen.of(terminal, {"NO_COLOR": "1"}) == Screen(columns=72, terminal=True)


def test_a_dumb_terminal_only_has_a_width(terminal: TextIO) -> None:
    assert Screen.of(terminal, {"TERM": "dumb"}) == Screen(columns=72)


def test_a_pipe_takes_plain_lines_of_any_length() -> None:
    assert Screen.of(io.StringIO(), {"COLUMNS": "50"}) == Screen()


def test_styles_are_sent_only_where_there_are_colours() -> None:
    coloured = Screen(colour=True)
    assert coloured.printable(coloured.styled("x", "green")) == "\x1b[32mx\x1b[0m"
    assert Screen(colour=True).styled("x", "") == "x"
    assert Screen().styled("x", "green") == "x"
