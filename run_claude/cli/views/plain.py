"""Progress as plain lines, for logs, pipes and dumb terminals."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, TextIO

from run_claude.cli.output import silence
from run_claude.cli.views.formatting import transition_line
from run_claude.domain.lifecycle import Service
from run_claude.domain.pulling import Pulling
from run_claude.domain.visible import visible

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from run_claude.domain.lifecycle import Snapshot, Transition

__all__ = ["Plain"]

_PULLED = 25_000_000  # bytes between two lines of a pull: TimescaleDB's image is some 350 MB


class Plain:
    """A reporter that prints a line for each event."""

    def __init__(self, stream: TextIO, environ: Mapping[str, str], *, verbose: bool = False) -> None:
        self._stream = stream
        self._environ = environ
        self._verbose = verbose
        self._pulling, self._pulled = Pulling(), 0

    def _print(self, text: str) -> None:
        try:
            self._stream.write(visible(text) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads it: no reason to leave anything undone
            silence(self._stream)

    def step(self, text: str) -> None:
        """Print the step."""
        self._print(f"{text} …")
        self._pulling, self._pulled = Pulling(), 0

    def line(self, text: str) -> None:
        """Print a line of a subprocess, with ``--verbose`` only; of a pull, now and then how far it is."""
        if self._verbose and text.strip():
            self._print(f"  {text}")
        elif not self._verbose and self._pulling.is_about(text) and self._pulling.done // _PULLED > self._pulled:
            self._pulled = self._pulling.done // _PULLED
            self._print(f"  {self._pulling.words}")

    def note(self, text: str) -> None:
        """Print the note."""
        self._print(f"note: {text}")

    def transition(self, transition: Transition) -> None:
        """Print the transition."""
        self._print(f"  {transition_line(transition)}")

    def snapshot(self, snapshot: Snapshot) -> None:
        """Print the phase of each service, with ``--verbose`` only."""
        if self._verbose:
            for service in Service:
                self._print(f"  {service}: {snapshot[service].phase}")

    def command(self, argv: Sequence[str]) -> None:
        """Print the command line, quoted for a shell and with secrets redacted, with ``--verbose`` only."""
        if self._verbose:
            from run_claude.domain.redact import redacted, secret_values

            secrets = secret_values({}, self._environ)
            self._print(f"$ {shlex.join(redacted(word, secrets) for word in argv)}")

    def close(self) -> None:
        """Do nothing: plain lines leave nothing to clean up."""
