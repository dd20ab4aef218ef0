"""The settings that apply, and where each comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.cli.views.table import Column, table
from run_claude.domain.redact import is_secret
from run_claude.domain.remembered import OFF, OPTIONS, Origin
from run_claude.state.intent import load_intent
from run_claude.watch.policy import VARIABLES

if TYPE_CHECKING:
    from run_claude.cli.context import App
    from run_claude.config.settings import Settings

__all__ = ["SETTINGS", "settings_screen"]

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
    "allowed_hosts": "RUN_CLAUDE_ALLOWED_HOSTS",
    "max_body": "RUN_CLAUDE_MAX_BODY",
    "litellm_memory": "RUN_CLAUDE_LITELLM_MEMORY",
    "litellm_pids": "RUN_CLAUDE_LITELLM_PIDS",
    "timescaledb_memory": "RUN_CLAUDE_TIMESCALEDB_MEMORY",
    "spend_logs_retention": "RUN_CLAUDE_SPEND_LOGS_RETENTION",
    "lock_timeout": "RUN_CLAUDE_LOCK_TIMEOUT",
}

# All that a user may set, beside the keys.
SETTINGS = (
    *_VARIABLES.values(),
    *VARIABLES,
    "RUN_CLAUDE_INSTANCE",
    "RUN_CLAUDE_CONTAINER_USER",
    "PRISMA_ENGINES_MIRROR",
)
SET = "(set)"  # stands for a value that is not shown


def settings_screen(app: App, settings: Settings) -> None:
    """Show them, in the order of importance."""
    rows = [(name, SET if is_secret(name, value) else value, why) for name, value, why in _rows(settings)]
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
    others = sorted(env.file.keys() - set(_VARIABLES.values()))
    # What else is there is anybody's: a key by any name, of which only run-claude's own settings are known to be none.
    rows += [
        (name, env.from_file(name) if name.startswith("RUN_CLAUDE_") else SET, env.origin(name)) for name in others
    ]
    return rows
