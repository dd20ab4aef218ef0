"""Report what the watcher sees and does: on the screen, in the history, and to the user's hooks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from run_claude.cli.views.formatting import transition_json, transition_line, watch_line
from run_claude.domain.lifecycle import Phase
from run_claude.state import history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.cli.context import App
    from run_claude.config.settings import Settings
    from run_claude.domain.lifecycle import Service, Transition
    from run_claude.watch.hooks import Hook

__all__ = ["WatchLog"]

_RECENT = 60.0  # seconds between an event and its report


class WatchLog:
    """Reports transitions and the watcher's actions."""

    def __init__(self, app: App, settings: Settings, hooks: Sequence[Hook] = ()) -> None:
        self._app = app
        self._instance = settings.instance
        self._history = settings.paths.history_file
        self._hooks = hooks
        self._since: dict[Service, float] = {}  # when the phases began that we saw begin

    def show(self, transition: Transition) -> None:
        """Print a transition, without the history and the hooks."""
        self._put_out(*self._worded(transition)[:2])

    def transition(self, transition: Transition) -> None:
        """Report a transition."""
        row, line, at = self._worded(transition)
        history.append(self._history, "transition", {**row, "at": round(at, 3)})
        self._put_out(row, line)
        self._hand_on({"event": "transition", **row}, line)

    def _worded(self, transition: Transition) -> tuple[dict[str, object], str, float]:
        """Return a transition as JSON, as a line, and its time in seconds.

        A time of long ago is not the transition's: it is since when the container has been in that phase.
        """
        now = time.time()
        at = (transition.at_ns or 0) / 1e9
        at = at if abs(now - at) < _RECENT else now
        # The engine keeps the last few health checks only, so the age of a health that we did not see begin is unknown.
        before = transition.before
        before_ns = None if before.phase in (Phase.HEALTHY, Phase.UNHEALTHY) else before.since_ns
        begun = self._since.get(transition.service, before_ns / 1e9 if before_ns else None)
        self._since[transition.service] = at
        lasted = round(max(0.0, at - begun), 3) if begun is not None else None
        return {**transition_json(transition), "lasted": lasted}, transition_line(transition, lasted), at

    def _put_out(self, row: dict[str, object], line: str) -> None:
        self._print({"event": "transition", **row}, line)

    def notify(self, event: str, **facts: Any) -> None:
        """Report an event of the watcher."""
        line = watch_line(event, facts)
        if event not in ("watching", "missed", "waiting"):
            history.append(self._history, event, facts)
        self._print({"event": event, **facts}, line)
        if event in ("blocked", "unblocked"):
            self._hand_on({"event": event, **facts}, line)

    def _hand_on(self, row: dict[str, Any], line: str) -> None:
        for hook in self._hooks:
            hook.put({**row, "instance": self._instance, "text": " ".join(line.split())})

    def _print(self, row: dict[str, Any], line: str) -> None:
        if self._app.json:
            self._app.output.record(row)
        else:
            self._app.output.sentence(f"{time.strftime('%H:%M:%S')} {line}", hang=len("08:45:35 "))
