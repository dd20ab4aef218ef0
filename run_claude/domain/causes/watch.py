"""Causes around the watcher."""

from __future__ import annotations

from run_claude.domain.causes.cause import Cause
from run_claude.errors import BusyError, ConfigError, StartError

__all__ = ["CAUSES"]

CAUSES = (
    Cause(
        "already-watched",
        BusyError,
        "Another `run-claude watch` watches this instance.",
        "One is enough: end it first, or look at what it does with `run-claude history`.",
    ),
    Cause(
        "watch-gave-up",
        StartError,
        "The watcher has tried as often as it may and has given up for now.",
        "Find the cause with `run-claude doctor`; `run-claude proxy start` starts anew, and the watcher with it.",
        retryable=True,
    ),
    Cause(
        "never-started",
        ConfigError,
        "The watcher is to heal an instance that was never started here.",
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
        "systemd or launchd does not take the watcher as a service; its own words are named.",
        "Without a login session there is no user manager: try `loginctl enable-linger`.",
    ),
)
