"""Live progress on a terminal: a block that changes, below the lines that stay."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.live import Live as RichLive
from rich.spinner import Spinner
from rich.text import Text

from run_claude.cli.views.formatting import PHASE_STYLE, duration, transition_line
from run_claude.cli.views.table import Cell, Column, table
from run_claude.domain.lifecycle import Phase, Service
from run_claude.domain.pulling import Pulling
from run_claude.domain.visible import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType

    from run_claude.cli.screen import Screen
    from run_claude.domain.lifecycle import Snapshot, Transition

__all__ = ["Live"]

# BuildKit's plain progress: `#12 [builder 3/6] RUN uv pip install …`
_BUILD_STEP = re.compile(r"#\d+ (?:\d+\.\d+ )?\[(?:(\S+) )?(\d+)/(\d+)\] (.*)")


class Live:
    """A reporter that draws the current step, its latest output and the services."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._console = Console(stderr=True)
        self._step = ""
        self._step_began = time.monotonic()
        self._detail = ""
        self._pulling = Pulling()
        self._snapshot: Snapshot | None = None
        self._spinner = Spinner("dots")
        self._live = RichLive(get_renderable=self._render, console=self._console, transient=True, refresh_per_second=10)
        self._open = False

    def _render(self) -> RenderableType:
        width = self._console.width
        elapsed = duration(time.monotonic() - self._step_began)
        self._spinner.update(text=Text(f"{self._step}  {elapsed}", no_wrap=True, overflow="ellipsis"))
        rows: list[RenderableType] = [self._spinner]
        if self._detail:
            rows.append(Text(f"  {self._detail}"[: width - 1], style="dim", no_wrap=True, overflow="ellipsis"))
        if self._snapshot is not None:
            phases = [(service, self._snapshot[service].phase) for service in Service]
            services = [
                (f"  {service}", Cell(phase.value, PHASE_STYLE[phase]))
                for service, phase in phases
                if phase is not Phase.ABSENT
            ]
            rows += [
                Text.from_ansi(self._screen.printable(row))
                for row in table(self._screen, (Column(), Column()), services)
            ]
        return Group(*rows)

    def step(self, text: str) -> None:
        """Begin a step. The previous one stays on the screen with its duration."""
        self._finish_step()
        self._step, self._detail, self._step_began = visible(text), "", time.monotonic()
        self._pulling = Pulling()
        if not self._open:
            self._live.start()
            self._open = True

    def _finish_step(self) -> None:
        if self._step:
            elapsed = duration(time.monotonic() - self._step_began)
            self._console.print(Text.assemble(("✓ ", "green"), self._step, (f"  {elapsed}", "dim")))
            self._step = ""

    def line(self, text: str) -> None:
        """Show a line of a subprocess; of an image build, only the step that it is at; of a pull, how far it is."""
        if self._pulling.is_about(text):
            self._detail = self._pulling.words
            return
        found = _BUILD_STEP.match(text)
        if found:
            stage, number, total, what = found.groups()
            self._detail = visible(f"{stage or 'image'} {number}/{total}: {' '.join(what.split())}", one_line=True)
        elif text.strip() and not text.startswith("#"):
            self._detail = visible(text.strip(), one_line=True)

    def note(self, text: str) -> None:
        """Print the note above the block."""
        self._console.print(Text.assemble(("note: ", "cyan"), visible(text)))

    def transition(self, transition: Transition) -> None:
        """Print the transition above the block, and update the block."""
        style = PHASE_STYLE[transition.after.phase]
        if self._snapshot is not None:
            self._snapshot = self._snapshot.updated(transition.service, transition.after)
        self._console.print(Text.assemble(("● ", style), visible(transition_line(transition))))

    def snapshot(self, snapshot: Snapshot) -> None:
        """Show the services in the block."""
        self._snapshot = snapshot

    def command(self, argv: Sequence[str]) -> None:
        """Print nothing: with ``-v`` progress is plain."""

    def close(self) -> None:
        """Remove the block from the screen."""
        if self._open:
            self._finish_step()
            self._live.stop()
            self._open = False
