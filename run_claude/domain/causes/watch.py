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
        "Neither systemd nor launchd runs this machine, so neither can run the watcher as a service.",
        "Run `nohup run-claude watch >>watch.log 2>&1 &`, or put `@reboot run-claude watch` into your crontab.",
    ),
    Cause(
        "no-user-manager",
        ConfigError,
        "systemd runs no user manager for this user: nobody has logged in as this user, or only by su or sudo.",
        "Have it run from boot on with `sudo loginctl enable-linger USER`, or log in; then repeat the command.",
    ),
    Cause(
        "interpreter-passing",
        ConfigError,
        "The Python that is to run the watcher lies in a cache or among temporary files, as with `uvx` and `pipx run`.",
        "Install it where it stays, with `uv tool install` or `pipx install`; then repeat the command.",
    ),
    Cause(
        "service-path",
        ConfigError,
        "A path of the watcher has characters that no unit of systemd and no property list can hold.",
        "Rename that folder, or run `run-claude watch` by other means.",
    ),
    Cause(
        "service-refused",
        ConfigError,
        "systemd or launchd rejected the watcher's service; the message quotes it.",
        "See `journalctl --user -e`, or on macOS `log show --last 5m --predicate 'process == \"launchd\"'`.",
    ),
)
