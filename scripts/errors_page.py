"""Generate `docs/errors.md` from the registry: python scripts/errors_page.py > docs/errors.md"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from run_claude import errors
from run_claude.domain.causes.registry import CAUSES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.domain.causes.cause import Cause

__all__ = ["page"]

_HEAD = """\
# Errors

Every error has a stable code. This page lists what each code means and what to do.

<!-- Generated: python scripts/errors_page.py > docs/errors.md -->

An error says what happened and what to do:

    error: Port 4444 is taken by nginx (pid 812).
    help:  Stop it, or choose another port: LITELLM_PORT=4445 (or --port).

If there is a log to read, a third line, `log:`, has the command that shows it. With `--json`, an error is one line of
JSON on stdout (wrapped here):

    {"error": {"code": "port-taken", "message": "…", "help": "…", "detail": "…", "retryable": false,
               "exit_code": 8, "facts": {"port": 4444, "holder": "nginx (pid 812)", "free_port": 4445}}}

`code` and `exit_code` are stable; scripts may rely on them. `message` and `help` are for people and may change.
`retryable` says whether the same command may succeed later without any change, and the fact `retry_after` in how many
seconds, where the other side says so. `detail` has the last lines of a log or of a build. None of them contains a
secret.

## Exit codes

| Exit code | Kind | Meaning |
|---:|---|---|
| 0 | | Success. |
"""

_SIGNALS = """\
| 126, 127 | | `run-claude with`: the command is not executable, or not found. Otherwise, its own exit code. |
| 130, 143 | | Interrupted by Ctrl-C or SIGTERM. Run the command again to continue. |
| 141 | | The reader of the output has closed it (`run-claude … \\| head`). |
"""


def page() -> str:
    """Return the page."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield _HEAD
    classes = sorted(_classes(), key=lambda error: error.exit_code)
    for error in classes:
        meaning = (error.__doc__ or "").strip().splitlines()[0]
        if error is errors.RunClaudeError:
            meaning = "An internal error: a bug in run-claude. For `doctor`: a check failed."
        yield f"| {error.exit_code} | {error.__name__} | {meaning} |\n"
    yield _SIGNALS
    yield "\n## Codes\n"
    for error in classes:
        rows = [cause for cause in CAUSES.values() if cause.error is error]
        if not rows:
            continue
        yield f"\n### {error.__name__}: exit code {error.exit_code}\n\n"
        yield "| Code | What happened | What to do | Retry |\n|---|---|---|---|\n"
        yield from map(_row, sorted(rows, key=lambda cause: cause.code))


def _row(cause: Cause) -> str:
    first, *more = cause.exit_codes
    others = more if first == cause.error.exit_code else [first, *more]
    exits = f" Exit code {', '.join(map(str, others))}{' in a file' if cause.also else ''}." if others else ""
    return f"| `{cause.code}` | {cause.meaning}{exits} | {cause.help} | {'yes' if cause.retryable else ''} |\n"


def _classes() -> list[type[errors.RunClaudeError]]:
    return [getattr(errors, name) for name in errors.__all__]


if __name__ == "__main__":
    sys.stdout.write(page())
