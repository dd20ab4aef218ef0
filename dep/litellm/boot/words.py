"""Lines that the controller reads: each begins with ``run-claude:``, is sealed, and the engine stamps it.

The seal is what no text from outside can have: who writes a line into this log (a provider's error, a request) does
not know the master key. The controller has the same function (run_claude/domain/marks.py).
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from typing import NoReturn

EXIT_MIGRATION = 2  # as LiteLLM's own
EXIT_REFUSED = 3  # as LiteLLM's own: a callback or a configuration that it cannot use
EXIT_NO_DATABASE = 69  # EX_UNAVAILABLE
EXIT_CONFIG = 78  # EX_CONFIG
LONGEST = 2000  # characters: the engine splits lines of 16 kB, and half a line has no seal


def say(text: str) -> None:
    """Print a line that the controller reads."""
    text = " ".join(text.split())[:LONGEST]
    print(f"run-claude: {text}{seal(text)}", file=sys.stderr, flush=True)


def seal(text: str) -> str:
    """Return what shows that this process says it; nothing as long as the secrets are not there."""
    if not (key := os.environ.get("LITELLM_MASTER_KEY", "")):
        return ""
    message = f"run-claude mark: {text}".encode(errors="replace")
    return f" [{hmac.new(key.encode(errors='replace'), message, hashlib.sha256).hexdigest()[:16]}]"


def fail(text: str, code: int) -> NoReturn:
    """Name the error in one line and end."""
    say(f"error: {text}")
    sys.exit(code)
