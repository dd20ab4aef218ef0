"""What the watcher tells: a line each, into the history, and to the user's hooks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from run_claude import history
from run_claude.cli.words import transition_json, transition_line, watch_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from run_claude.cli.context import App
    from run_claude.config.settings import Settings
    from run_claude.core.lifecycle import Transition
    from run_claude.host.hooks import Hook

__all__ = ["Teller"]


class Teller:
    """Prints what happens, hands it to the hooks, and writes it into the history."""

    def __init__(self, app: App, settings: Settings, hooks: Sequence[Hook] = ()) -> None:
        self._app = app
        self._instance = settings.instance
        self._history = settings.paths.history_file
        self._hooks = hooks

    def show(self, transition: Transition) -> None:
        """Print a transition, and no more."""
        self._print({"event": "transition", **transition_json(transition)}, transition_line(transition))

    def transition(self, transition: Transition) -> None:
        """Tell a transition."""
        row, line = transition_json(transition), transition_line(transition)
        at = transition.at_ns / 1e9 if transition.at_ns else time.time()
        history.append(self._history, "transition", {**row, "at": round(at, 3)})
        self.show(transition)
        self._hand_on({"event": "transition", **row}, line)

    def told(self, event: str, **facts: Any) -> None:
        """Tell what the watcher does."""
        line = watch_line(event, facts)
        if event not in ("watching", "missed"):
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
            self._app.output.text(f"{time.strftime('%H:%M:%S')} {line}")
