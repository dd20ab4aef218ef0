"""The watcher's settings, read as the others are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.supervision_memory import Policy
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from run_claude.config.settings import Settings

__all__ = ["VARIABLES", "policy_of"]

VARIABLES = {
    "RUN_CLAUDE_WATCH_IN_A_ROW": "consecutive_failures",
    "RUN_CLAUDE_WATCH_BUDGET": "budget",
    "RUN_CLAUDE_WATCH_WINDOW": "window",
    "RUN_CLAUDE_WATCH_BACKOFF": "backoff",
    "RUN_CLAUDE_WATCH_BACKOFF_MAX": "backoff_max",
    "RUN_CLAUDE_WATCH_STABLE": "stable",
    "RUN_CLAUDE_WATCH_PROBE": "probe",
}
_COUNTS = ("consecutive_failures", "budget")


def policy_of(settings: Settings) -> Policy:
    """Return how hard to try, by the user's settings: counts are whole numbers above 0, times seconds above 0.

    With a `.env` that cannot be read the defaults apply: the watcher goes on with what was deployed.

    :raises ConfigError: naming where a value that cannot be used comes from
    """
    try:
        env, values = settings.environment(), {}
    except ConfigError:  # the settings are those of the last start: see run_claude.state.instance
        return Policy()
    for name, field in VARIABLES.items():
        if not (text := env.get(name).strip()):
            continue
        try:
            value = int(text) if field in _COUNTS else float(text)
        except ValueError:
            value = math.nan
        if not 0 < value < math.inf:
            raise caused(
                "setting-invalid",
                f"{env.origin(name)}: {'a whole number' if field in _COUNTS else 'a number of seconds'} above 0,"
                f" not {text!r}.",
                help=f"Correct {name}, or remove it for the default ({getattr(Policy(), field):g}).",
                facts={**env.facts(name), "value": text},
            )
        values[field] = value
    return Policy(**values)  # type: ignore[arg-type]
