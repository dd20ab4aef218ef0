"""Progress reports. The controller emits them; a display draws them: on a terminal, as plain lines or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.domain.lifecycle import Snapshot, Transition

__all__ = ["Reporter", "Silent"]


class Reporter(Protocol):
    """Receives progress. Every method returns at once."""

    def step(self, text: str) -> None:
        """A step begins, such as `building the image`."""

    def line(self, text: str) -> None:
        """A subprocess printed a line within the step."""

    def note(self, text: str) -> None:
        """The user should know this, and need not act."""

    def transition(self, transition: Transition) -> None:
        """A service changed its phase."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """The stack is in this state now."""

    def command(self, argv: Sequence[str]) -> None:
        """This command line is about to run."""

    def close(self) -> None:
        """Restore the screen; no report follows."""


class Silent:
    """A reporter that ignores every report."""

    def step(self, text: str) -> None:
        """Ignore it."""

    def line(self, text: str) -> None:
        """Ignore it."""

    def note(self, text: str) -> None:
        """Ignore it."""

    def transition(self, transition: Transition) -> None:
        """Ignore it."""

    def snapshot(self, snapshot: Snapshot) -> None:
        """Ignore it."""

    def command(self, argv: Sequence[str]) -> None:
        """Ignore it."""

    def close(self) -> None:
        """Ignore it."""
