"""Why a command in the database's container failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.volume import missing_library
from run_claude.errors import DataError

if TYPE_CHECKING:
    from run_claude.docker.process import Completed
    from run_claude.errors import RunClaudeError

__all__ = ["failed"]

_NO_CONNECTION = r"too many (?:clients already|connections for)|remaining connection slots are reserved"
_NEEDS_SUPERUSER = re.compile(r"permission denied|must be (superuser|owner|member|able)|superuser")


def failed(what: str, done: Completed, code: str) -> RunClaudeError:
    """Return the error for a command that ended with an exit code.

    :param what: what could not be done, as the beginning of a sentence
    :param code: of its cause, where PostgreSQL names no other
    """
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    if re.search(_NO_CONNECTION, done.stderr):
        return caused("database-connections", f"{what}: all connections of the database are in use.")
    if library := missing_library(done.stderr):
        return caused("timescaledb-version", f"{what}: its image lacks the library {library}.", kind=DataError)
    first = next((line for line in lines if "error" in line.lower()), lines[-1] if lines else "")
    kept = " The old data is still in place." if code == "restore-failed" else ""
    if code == "restore-failed" and _NEEDS_SUPERUSER.search(first):
        kept += " What only a superuser may restore comes with --as-superuser: for a file that you trust."
    return caused(
        code,
        f"{what}: {first.strip() or f'exit code {done.returncode}'}",
        help=f"See the database's log: `run-claude proxy logs --service timescaledb`.{kept}",
        detail="\n".join(lines[-12:]) if len(lines) > 1 else "",
    )
