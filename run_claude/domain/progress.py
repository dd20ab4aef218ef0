"""What the controller tells while it works. The core emits, a display draws: terminal, plain lines or JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.domain.lifecycle import Snapshot, Transition

__all__ = ["Reporter", "Silent"]


class Reporter(Protocol):
    """Receives progress. Every method returns at once."""

    def step(self, text: str) -> None:
        """Tell that a step begins: `building the image`."""

    def line(self, text: str) -> None:
        """Tell a line that a subprocess printed within the step."""

    def note(self, text: str) -> None:
        """Tell something that the user should know and need not act on."""

    def transition(self, transition: Transition) -> None:
        """Tell that a service went from one phase to another."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """Tell what is."""

    def command(self, argv: Sequence[str]) -> None:
        """Tell a command line before it runs."""

    def close(self) -> None:
        """Leave the screen whole; nothing more will be told."""


class Silent:
    """Tells nobody."""

    def step(self, text: str) -> None:
        """Tell nobody."""

    def line(self, text: str) -> None:
        """Tell nobody."""

    def note(self, text: str) -> None:
        """Tell nobody."""

    def transition(self, transition: Transition) -> None:
        """Tell nobody."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """Tell nobody."""

    def command(self, argv: Sequence[str]) -> None:
        """Tell nobody."""

    def close(self) -> None:
        """Tell nobody."""
