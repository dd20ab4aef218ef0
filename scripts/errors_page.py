"""`docs/errors.md`, from the registry: python scripts/errors_page.py > docs/errors.md"""

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
# Errors: every code, what it means, what helps

<!-- Generated: python scripts/errors_page.py > docs/errors.md -->

An error says what happened and to what, what you can do about it, and where there is more to read:

    error: Port 4444 is taken by nginx (pid 812).
    help:  Stop it, or choose another port: LITELLM_PORT=4445 (or --port).

A third line, `log:`, is the command that shows the whole log, where there is one.
With `--json` the same is one document on stdout:

    {"error": {"code": "port-taken", "message": "…", "help": "…", "detail": "…", "retryable": false,
               "exit_code": 8, "facts": {"port": 4444, "holder": "nginx (pid 812)", "free_port": 4445}}}

`code` and `exit_code` are stable: scripts may rely on them. `message` and `help` are for people and change.
`retryable` says whether the same command may work later without a change by you. `detail` is what there is to read
of it: the last lines of a log or of a build. No secret is in any of them.

## Exit codes

| Exit code | Kind | Meaning |
|---:|---|---|
| 0 | | It worked. |
"""

_SIGNALS = """\
| 126, 127 | | `run-claude with`: the command cannot be executed, does not exist. Else it is the command's own. |
| 130, 143 | | Interrupted by Ctrl-C, by SIGTERM. Call it again to go on. |
| 141 | | The reader of the output has gone (`run-claude … \\| head`). |
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
            meaning = "A mistake of run-claude's own; `doctor`: something needs you."
        yield f"| {error.exit_code} | {error.__name__} | {meaning} |\n"
    yield _SIGNALS
    yield "\n## Codes\n"
    for error in classes:
        rows = [cause for cause in CAUSES.values() if cause.error is error]
        if not rows:
            continue
        yield f"\n### {error.__name__}: exit code {error.exit_code}\n\n"
        yield "| Code | What happened | What helps | Again? |\n|---|---|---|---|\n"
        yield from map(_row, sorted(rows, key=lambda cause: cause.code))


def _row(cause: Cause) -> str:
    first, *more = cause.exit_codes
    others = more if first == cause.error.exit_code else [first, *more]
    exits = f" (exit code {', '.join(map(str, others))}{' in a file' if cause.also else ''})" if others else ""
    return f"| `{cause.code}` | {cause.meaning}{exits} | {cause.help} | {'yes' if cause.retryable else ''} |\n"


def _classes() -> list[type[errors.RunClaudeError]]:
    return [getattr(errors, name) for name in errors.__all__]


if __name__ == "__main__":
    sys.stdout.write(page())
