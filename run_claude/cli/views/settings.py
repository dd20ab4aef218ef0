"""The settings that apply, and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.cli.views.table import Column, table
from run_claude.domain.remembered import OFF, OPTIONS, Origin
from run_claude.state.intent import load_intent

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.config.settings import Settings

__all__ = ["settings_screen"]

_VARIABLES = {
    "port": "LITELLM_PORT",
    "database_port": "RUN_CLAUDE_TIMESCALEDB_PORT",
    "bind": "RUN_CLAUDE_BIND",
    "database_bind": "RUN_CLAUDE_TIMESCALEDB_BIND",
    "prisma": "RUN_CLAUDE_PRISMA",
    "python_image": "RUN_CLAUDE_PYTHON_IMAGE",
    "timescaledb_image": "RUN_CLAUDE_TIMESCALEDB_IMAGE",
    "callbacks": "RUN_CLAUDE_CALLBACKS",
    "ca_bundle": "RUN_CLAUDE_CA_BUNDLE",
    "litellm_memory": "RUN_CLAUDE_LITELLM_MEMORY",
    "litellm_pids": "RUN_CLAUDE_LITELLM_PIDS",
    "timescaledb_memory": "RUN_CLAUDE_TIMESCALEDB_MEMORY",
    "spend_logs_retention": "RUN_CLAUDE_SPEND_LOGS_RETENTION",
    "lock_timeout": "RUN_CLAUDE_LOCK_TIMEOUT",
}


def settings_screen(app: App, settings: Settings) -> None:
    """Show them, in the order of importance."""
    rows = _rows(settings)
    if app.json:
        app.output.document([{"name": name, "value": value, "origin": origin} for name, value, origin in rows])
        return
    app.output.lines(table(app.output.screen, [Column()] * 3, [(name, value or "-", why) for name, value, why in rows]))


def _rows(settings: Settings) -> list[tuple[str, str, str]]:
    env, intent = settings.environment(), load_intent(settings.paths.intent_file)[0]
    rows = []
    if intent is not None:
        rows.append(("profile", intent.profile, "as last said"))
        rows.append(("database", "yes" if intent.database else "no", "as last said (--db, --no-db)"))
    for name, variable in _VARIABLES.items():
        value = getattr(settings, name)
        value = OFF if name == "database_port" and value is None else value
        origin = env.origin(variable) if env.get(variable) else "default"
        if settings.origins.get(name) is Origin.REMEMBERED:
            origin = f"said by `proxy start {OPTIONS[name]} {value}`"
        rows.append(
            (variable, "" if value is None else f"{value:g}" if isinstance(value, float) else str(value), origin)
        )
    return rows
