"""Print results on stdout and errors on stderr: for people, or with ``--json`` for machines."""

from __future__ import annotations

import json as json_format
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TextIO

import asyncclick as click

from run_claude.cli.screen import Screen
from run_claude.cli.views.table import fold
from run_claude.domain.causes import caused
from run_claude.domain.visible import json_visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from run_claude.errors import RunClaudeError

__all__ = ["Output", "silence"]


@dataclass(frozen=True, slots=True)
class Output:
    """Where the results and errors of one command go.

    :param screen: what stdout goes to
    :param error_screen: what stderr goes to
    """

    json: bool
    verbose: bool
    screen: Screen = field(default_factory=Screen)
    error_screen: Screen = field(default_factory=Screen)
    lasting: bool = False  # goes on when nobody can read it any more: a watcher heals, and its output is an extra

    def text(self, text: str) -> None:
        """Print a result for people: on lines of its own, whatever is in it."""
        self._echo(self.screen.printable(text), self.screen.colour)

    def exact(self, text: str) -> None:
        """Print a result for a program, to the last character: a path, lines for a shell."""
        self._echo(text, colour=True)  # else Click would take out what looks like one

    def sentence(self, text: str, *, hang: int = 0) -> None:
        """Print a sentence, folded between words where the terminal is narrower.

        :param hang: columns by which all lines but the first are indented
        """
        self.lines(fold(text, self.screen.columns, hang))

    def lines(self, lines: Iterable[str]) -> None:
        """Print a result of several lines: a table."""
        for line in lines:
            self.text(line)

    def document(self, value: object) -> None:
        """Print a result as one JSON document."""
        self._echo(json_visible(json_format.dumps(value, indent=2, ensure_ascii=False)))

    def record(self, value: object) -> None:
        """Print one JSON object on a line of its own, so that a stream of them can be read as it comes."""
        self._echo(json_visible(json_format.dumps(value, ensure_ascii=False, separators=(",", ":"))))

    def note(self, text: str) -> None:
        """Print a remark on stderr, beside the result."""
        for line in fold(text, self.error_screen.columns):
            self._error_line(line)

    def _error_line(self, line: str) -> None:
        try:
            click.echo(self.error_screen.printable(line), err=True, color=self.error_screen.colour)
        except (OSError, ValueError):  # nobody reads it: no reason to leave anything undone
            silence(sys.stderr)

    def _echo(self, text: str, colour: bool | None = None) -> None:
        """Print a result.

        :raises BrokenPipeError: if its reader is gone
        :raises ConfigError: if it cannot be written, such as to a full disk
        """
        try:
            click.echo(text, color=colour)
        except (OSError, ValueError) as error:
            silence(sys.stdout)
            if self.lasting:
                return
            if isinstance(error, BrokenPipeError):
                raise
            reason = (getattr(error, "strerror", "") or str(error)).lower()
            raise caused(
                "file-unwritable", f"The output cannot be written: {reason}.", help="Check where it goes."
            ) from error

    def failure(self, error: RunClaudeError) -> int:
        """Print an error and return its exit code. As JSON it takes one line, since it may end a stream of records."""
        if self.json:
            self.record({"error": error.as_json()})
            return error.exit_code
        for line in error.detail.splitlines():
            self._error_line(self.error_screen.styled(f"  │ {line}", "dim"))
        self._labelled("error:", "error", error.message)
        self._labelled("help:", "dim", error.help)
        if log := error.facts.get("log"):
            self._labelled("log:", "dim", str(log))
        if self.verbose and error.facts:
            self._labelled("facts:", "dim", json_format.dumps(error.facts, ensure_ascii=False))
        return error.exit_code

    def _labelled(self, label: str, style: str, text: str) -> None:
        screen, indent = self.error_screen, len("error: ")
        first, *more = fold(text, None if screen.columns is None else screen.columns - indent)
        self._error_line(screen.styled(label, style) + " " * (indent - len(label)) + first)
        for line in more:
            self._error_line(" " * indent + line)

    def interrupted(self, code: int) -> None:
        """Print that a signal ended the command."""
        if self.json:
            self.record({"error": {"code": "interrupted", "message": "Interrupted.", "exit_code": code}})
        else:
            self.note("Interrupted. Nothing is half done; run the command again to continue.")


def silence(stream: TextIO) -> None:
    """Send what a stream still gets to nowhere: it has failed once, and would fail again when Python ends."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
