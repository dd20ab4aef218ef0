"""The log of a proxy's container as its entrypoint writes it, with its seals, and as others would like to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.domain.diagnosis import Evidence, database_log, proxy_log
from run_claude.domain.lifecycle import Service
from run_claude.domain.marks import BEGINS, SERVES, seal

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["KEY", "SAY", "begun", "log_of", "mark", "served"]

KEY = "sk-planted-0123456789"  # as in what the fake instance has deployed

# For a container of a test that runs a shell script instead: `say TEXT` as the entrypoint does.
SAY = (
    'say() { python3 -c \'import hashlib, hmac, json, sys\nkey = json.load(open("/run/secrets/litellm.json"))'
    '["LITELLM_MASTER_KEY"].encode()\ntext = f"run-claude mark: {sys.argv[1]}".encode()\nprint(f"run-claude: '
    '{sys.argv[1]} [{hmac.new(key, text, hashlib.sha256).hexdigest()[:16]}]", file=sys.stderr)\' "$1"; }; '
)


def mark(text: str, key: str = KEY) -> str:
    """Return a line in which the entrypoint says a text."""
    return f"run-claude: {text} [{seal(text, key)}]"


def begun(*lines: str) -> list[str]:
    """Return the log of a proxy that has not served yet."""
    return [mark(BEGINS), *lines]


def served(*lines: str) -> list[str]:
    """Return the log of a proxy that has served, and printed these lines then."""
    return [mark(BEGINS), mark("litellm imported"), mark(SERVES), *lines]


def log_of(service: Service, lines: Iterable[str] = ()) -> Evidence:
    """Return what counts of a log: of a proxy's, all that a start has printed."""
    return proxy_log(begun(*lines), KEY) if service is Service.LITELLM else database_log(list(lines))
