"""Causes of the watcher."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import BusyError, ConfigError, StartError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "already-watched",
        BusyError,
        "Another `run-claude watch` is watching this instance.",
        "Stop it first, or see what it does with `run-claude history`.",
    ),
    Cause(
        "watch-gave-up",
        StartError,
        "The watcher has used up its attempts and has given up for now.",
        "Find the cause with `run-claude doctor`, then run `run-claude proxy start`, which also resets the watcher.",
        retryable=True,
    ),
    Cause(
        "never-started",
        ConfigError,
        "The instance has never been started.",
        "Start it with `run-claude proxy start`.",
    ),
    Cause(
        "no-service-manager",
        ConfigError,
        "There is neither systemd nor launchd to run the watcher as a service.",
        "Run `nohup run-claude watch >>watch.log 2>&1 &`, or put `@reboot run-claude watch` into your crontab.",
    ),
    Cause(
        "service-refused",
        ConfigError,
        "systemd or launchd rejected the watcher's service; the message quotes it.",
        "Without a login session there is no user manager: try `loginctl enable-linger`.",
    ),
)
