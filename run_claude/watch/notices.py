"""What the watcher reports, each thing once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from run_claude.domain.lifecycle import Service, Transition
from run_claude.domain.supervision import Rest, Wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from run_claude.docker.observer import Missed
    from run_claude.domain.lifecycle import Snapshot
    from run_claude.domain.supervision import Act
    from run_claude.domain.supervision_memory import Block
    from run_claude.errors import RunClaudeError
    from run_claude.state.intent import Intent

__all__ = ["Listener", "Notices"]

_WORTH_NOTING = 2.0  # seconds; a shorter pause is over before it is read


class Listener(Protocol):
    """Receives what the watcher reports. Both methods return at once."""

    def transition(self, transition: Transition) -> None:
        """Take note that a service went from one phase to another."""

    def notify(self, event: str, **facts: Any) -> None:
        """Take note of what the watcher does: ``watching``, ``action``, ``healed``, ``failed``, ``blocked``, …"""


class Notices:
    """Words for what happens, passed to a listener; what was reported last is not reported again."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._watching = False
        self._block = ""  # the code of the block that was reported
        self._why = ""  # why nothing is done, or not yet

    async def transitions(self, seen: AsyncIterable[Transition | Missed]) -> None:
        """Report each transition, and how many were missed."""
        async for transition in seen:
            if isinstance(transition, Transition):
                self._listener.transition(transition)
            else:
                self._listener.notify("missed", count=transition.count)

    def watching(self, snapshot: Snapshot) -> None:
        """Report the phases at the first look."""
        if not self._watching:
            self._watching = True
            self._listener.notify("watching", **{service.value: snapshot[service].phase.value for service in Service})

    def intent(self, intent: Intent) -> None:
        """Report that the user wants something else now."""
        self._listener.notify("intent", wanted=intent.wanted, database=intent.database)

    def idle(self, decision: Rest | Wait, last_attempt: float, now: float) -> None:
        """Report why nothing is done: what the user wants so, or a pause before the next attempt."""
        by_hand = decision.reason if isinstance(decision, Rest) and decision.by_hand else ""
        why = f"{decision.reason} {last_attempt}" if isinstance(decision, Wait) else by_hand
        if why == self._why:
            return
        self._why = why
        if by_hand:
            self._listener.notify("left-alone", message=by_hand)
        elif isinstance(decision, Wait) and (seconds := decision.until - now) >= _WORTH_NOTING:
            self._listener.notify("waiting", message=decision.reason, seconds=round(seconds, 1))

    def action(self, act: Act, *, of: int) -> None:
        """Report that an attempt begins, its number and how many there may be in a row."""
        self._listener.notify(
            "action",
            action=act.do.value,
            service=act.service.value,
            reason=act.reason,
            attempt=act.attempt,
            of=of,
        )

    def healed(self, act: Act, seconds: float) -> None:
        """Report that an attempt has succeeded."""
        self._listener.notify("healed", service=act.service.value, action=act.do.value, seconds=round(seconds, 3))

    def looping(self, service: Service, error: RunClaudeError) -> None:
        """Report why Docker restarts a service again and again."""
        self._listener.notify("looping", service=service.value, code=error.code, message=error.message)

    def failed(self, error: RunClaudeError, **facts: Any) -> None:
        """Report a failure after which the watcher goes on."""
        self._listener.notify("failed", **facts, code=error.code, message=error.message, help=error.help)

    def blocked(self, block: Block) -> None:
        """Report that no attempt would help."""
        if block.code != self._block:
            self._block = block.code
            self._listener.notify("blocked", code=block.code, message=block.message, help=block.help)

    def failed_for_good(self, act: Act, error: RunClaudeError) -> None:
        """Report a failure that no further attempt would change."""
        self._block = error.code
        facts = {"code": error.code, "message": error.message, "help": error.help}
        self._listener.notify("blocked", service=act.service.value, **facts)

    def unblocked(self) -> None:
        """Report that attempts may help again."""
        if self._block:
            self._block = ""
            self._listener.notify("unblocked")
