"""Where one stands: the stack in five lines, and the command that comes next."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from run_claude.cli.views.formatting import PHASE_STYLE, ago
from run_claude.cli.views.table import Cell, Column, table
from run_claude.domain.lifecycle import Phase, Service, Snapshot, as_json

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.config.model import Profile
    from run_claude.stack import Status

__all__ = ["next_step", "overview_screen"]

_FIRST = "demo"  # needs no key


def next_step(status: Status, selected: str = "") -> tuple[str, str]:
    """Return the command that most people want next, and why.

    :param selected: the profile that the current folder selects; empty if it selects none
    """
    profile = selected or status.profile or _FIRST
    client = f"run-claude with {profile} -- claude"
    if status.unfinished:
        return "run-claude proxy start", f"finishes `run-claude {status.unfinished}`, which was killed half-way"
    if not status.wanted:
        return client, "starts the stack, and Claude Code on it" + (" (needs no key)" if profile == _FIRST else "")
    if status.broken:
        return "run-claude doctor", "says what is broken, and what to do"
    if status.snapshot.healthy(status.services):
        if status.drift:
            return "run-claude proxy start", f"applies what has changed: {'; '.join(status.drift)}"
        return client, "runs Claude Code on it"
    if status.wanted == "down":
        return client, "starts the stack again, and Claude Code on it"
    if any(status.snapshot[service].phase in (Phase.STARTING, Phase.CREATED) for service in status.services):
        return "run-claude proxy wait healthy", "waits until it is ready"
    return "run-claude proxy start", "starts what is not running; `run-claude doctor` says why it is not"


def overview_screen(app: App, status: Status, profile: Profile | None, selected: str) -> None:
    """Show it.

    :param profile: the one that the current folder selects, else the one used last; ``None`` if it is not known
    """
    command, why = next_step(status, selected)
    command = app.called(command.removeprefix("run-claude "))
    settings = status.settings
    if app.json:
        app.output.document(
            {
                "instance": settings.instance,
                "url": status.url,
                "profile": status.profile,
                "folder_profile": selected,
                "healthy": status.snapshot.healthy(status.services),
                "services": {service.value: as_json(status.snapshot[service]) for service in Service},
                "next": {"command": command, "why": why},
            }
        )
        return
    rows: list[tuple[str, str | Cell]] = [
        ("LiteLLM", _service(status.snapshot, Service.LITELLM, f", at {status.url}")),
        ("Database", _service(status.snapshot, Service.TIMESCALEDB, f", {status.database}")),
    ]
    if profile is not None:
        tiers = ", ".join(f"{tier} is {profile.role(tier)}" for tier in ("opus", "sonnet", "haiku"))
        rows.append(("Profile", f"{profile.name}{' (of this folder)' if selected else ''}: {tiers}"))
    rows.append(("Watched", f"by {status.watcher}" if status.watcher else "no (`run-claude watch` keeps it running)"))
    if status.broken:
        rows.append(("Broken", Cell(status.broken, "error")))
    rows.append(("Next", Cell(f"{command}: {why}", "bold")))
    app.output.lines(table(app.output.screen, (Column(), Column()), rows))
    app.output.text("")
    app.output.sentence("`run-claude --help` lists the commands.")


def _service(snapshot: Snapshot, service: Service, more: str) -> Cell:
    state = snapshot[service]
    if state.phase is Phase.ABSENT:
        return Cell("not there", PHASE_STYLE[state.phase])
    since = ago(state.since_ns, time.time_ns())
    return Cell(f"{state.phase} for {since}{more if state.running else ''}", PHASE_STYLE[state.phase])
