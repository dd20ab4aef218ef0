"""The roles of the databases: LiteLLM's owns `litellm`, another owns `run_claude`, and each enters no other.

The database's container makes them, from the password in `.env`, which is that of `run_claude`; what LiteLLM is given
is derived from it, so that it opens `litellm` alone. `dep/timescaledb/databases` derives the same.
"""

from __future__ import annotations

import hashlib

__all__ = ["LITELLM_ROLE", "RUN_CLAUDE_ROLE", "litellm_password", "owner_of"]

LITELLM_ROLE, RUN_CLAUDE_ROLE = "litellm", "run_claude"  # the names of their databases as well

_DIGITS = 48  # hexadecimal: 192 bits, as much as a generated password has


def litellm_password(password: str) -> str:
    """Return the password of LiteLLM's role, from the one in `.env`."""
    return hashlib.sha256(f"{LITELLM_ROLE}\n{password}".encode()).hexdigest()[:_DIGITS]


def owner_of(database: str) -> str:
    """Return the role that owns what nobody else owns in a database: never the superuser."""
    return LITELLM_ROLE if database == LITELLM_ROLE else RUN_CLAUDE_ROLE
