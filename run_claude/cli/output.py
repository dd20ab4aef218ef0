"""Results on stdout, errors on stderr; the same values for people and, with ``--json``, for machines."""

from __future__ import annotations

import json as json_format
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncclick as click

if TYPE_CHECKING:
    from run_claude.errors import RunClaudeError

__all__ = ["Output"]


@dataclass(frozen=True, slots=True)
class Output:
    """Where results and errors of one command go."""

    json: bool
    verbose: bool

    def text(self, text: str) -> None:
        """Print a result for people."""
        click.echo(text, color=None if _may_colour() else False)

    def document(self, value: object) -> None:
        """Print a result as one JSON document."""
        click.echo(json_format.dumps(value, indent=2, ensure_ascii=False))

    def record(self, value: object) -> None:
        """Print one JSON object on a line of its own: a stream of them can be read as it comes."""
        click.echo(json_format.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def note(self, text: str) -> None:
        """Tell people something beside the result."""
        click.echo(text, err=True, color=None if _may_colour() else False)

    def failure(self, error: RunClaudeError) -> int:
        """Print an error and return its exit code; as JSON on one line, since it can end a stream of records."""
        if self.json:
            self.record({"error": error.as_json()})
            return error.exit_code
        if error.detail:
            for line in error.detail.splitlines():
                click.echo(_dim(f"  │ {line}"), err=True)
        click.echo(f"{_red('error:')} {error.message}", err=True)
        click.echo(f"{_dim('help:')}  {error.help}", err=True)
        if log := error.facts.get("log"):
            click.echo(f"{_dim('log:')}   {log}", err=True)
        if self.verbose and error.facts:
            click.echo(f"{_dim('facts:')} {json_format.dumps(error.facts, ensure_ascii=False)}", err=True)
        return error.exit_code

    def interrupted(self, code: int) -> None:
        """Say that a signal ended the command."""
        if self.json:
            self.record({"error": {"code": "interrupted", "message": "Interrupted.", "exit_code": code}})
        else:
            click.echo("Interrupted. Nothing is half done: run the command again to go on.", err=True)


def _may_colour() -> bool:
    """Whether the user lets us; whether it is a terminal is another question."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _colour() -> bool:
    return sys.stderr.isatty() and _may_colour()


def _red(text: str) -> str:
    return click.style(text, fg="red", bold=True) if _colour() else text


def _dim(text: str) -> str:
    return click.style(text, dim=True) if _colour() else text
