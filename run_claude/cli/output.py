"""Results on stdout, errors on stderr; the same values for people and, with ``--json``, for machines."""

from __future__ import annotations

import json as json_format
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import asyncclick as click

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["Output"]


@dataclass(frozen=True, slots=True)
class Output:
    """Where results and errors of one command go."""

    json: bool
    verbose: bool
    environ: Mapping[str, str]  # of the process: does the user want colours?

    def text(self, text: str) -> None:
        """Print a result for people."""
        click.echo(text, color=None if self._may_colour else False)

    def document(self, value: object) -> None:
        """Print a result as one JSON document."""
        click.echo(json_format.dumps(value, indent=2, ensure_ascii=False))

    def record(self, value: object) -> None:
        """Print one JSON object on a line of its own: a stream of them can be read as it comes."""
        click.echo(json_format.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def note(self, text: str) -> None:
        """Tell people something beside the result."""
        click.echo(text, err=True, color=None if self._may_colour else False)

    def failure(self, error: RunClaudeError) -> int:
        """Print an error and return its exit code; as JSON on one line, since it can end a stream of records."""
        if self.json:
            self.record({"error": error.as_json()})
            return error.exit_code
        if error.detail:
            for line in error.detail.splitlines():
                click.echo(self._dim(f"  │ {line}"), err=True)
        click.echo(f"{self._styled('error:', fg='red', bold=True)} {error.message}", err=True)
        click.echo(f"{self._dim('help:')}  {error.help}", err=True)
        if log := error.facts.get("log"):
            click.echo(f"{self._dim('log:')}   {log}", err=True)
        if self.verbose and error.facts:
            click.echo(f"{self._dim('facts:')} {json_format.dumps(error.facts, ensure_ascii=False)}", err=True)
        return error.exit_code

    def interrupted(self, code: int) -> None:
        """Say that a signal ended the command."""
        if self.json:
            self.record({"error": {"code": "interrupted", "message": "Interrupted.", "exit_code": code}})
        else:
            click.echo("Interrupted. Nothing is half done: run the command again to go on.", err=True)

    @property
    def _may_colour(self) -> bool:
        """Whether the user lets us; whether it is a terminal is another question."""
        return not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    def _dim(self, text: str) -> str:
        return self._styled(text, dim=True)

    def _styled(self, text: str, **style: Any) -> str:
        return click.style(text, **style) if self._may_colour and sys.stderr.isatty() else text
