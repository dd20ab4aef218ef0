"""Lines that the controller reads: each begins with ``run-claude:``, and the engine stamps it."""

from __future__ import annotations

import sys
from typing import NoReturn

EXIT_MIGRATION = 2  # as LiteLLM's own
EXIT_REFUSED = 3  # as LiteLLM's own: a callback or a configuration that it cannot use
EXIT_NO_DATABASE = 69  # EX_UNAVAILABLE
EXIT_CONFIG = 78  # EX_CONFIG


def say(text: str) -> None:
    """Print a line that the controller reads."""
    print(f"run-claude: {text}", file=sys.stderr, flush=True)


def fail(text: str, code: int) -> NoReturn:
    """Name the error in one line and end."""
    say("error: " + " ".join(text.split()))
    sys.exit(code)
