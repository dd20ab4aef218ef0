"""Find out why a step of the image build failed: what the Dockerfile's own steps say of it, else the step alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from run_claude.domain.causes import caused
from run_claude.domain.diagnosis.transport import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["PRINTED", "own_failure", "step_failure"]

# A line that a build step printed, as BuildKit shows it: text of indexes and registries. `#12 3.456 …`, and `3.456 …`
# in the box of a step that failed.
PRINTED = r"(?:#\d+ )?\d+\.\d+ "
_FAILED_STEP = r"(?s)failed to solve: (?:process \"(.*?)\" did not complete successfully: )?(.*)"
_WITHOUT_NETWORK = (
    r"(?i)temporary failure in name resolution|name or service not known|failed to establish a new connection"
    r"|could not resolve|network is unreachable|connection refused|CERTIFICATE_VERIFY_FAILED|proxyerror"
)

# What the Dockerfile's own steps end with, where it is more than that a step failed.
_OWN = (
    (r"another file than the lock names", "npm-hash"),
    (r"cannot be fetched from npm's registry", "npm-unreachable"),
    (r"cannot resolve names", "build-dns"),
)


def own_failure(said: str, tail: str, known: Mapping[str, object]) -> RunClaudeError | None:
    """Return the cause that a step of the Dockerfile names itself; ``None`` if none does."""
    if failed := "|".join(re.findall(r"(?m)^#(\d+) ERROR", said)):  # a step that succeeded may print anything
        said = re.sub(rf"(?m)^#(?!(?:{failed}) )\d+ .*$", "", said)
    if not (found := re.search(rf"(?m)^(?:{PRINTED}|#\d+ )?run-claude: error: (.+)", said)):
        return None
    helps = re.findall(rf"(?m)^(?:{PRINTED}|#\d+ )?run-claude: help: (.+)", said)
    code = next((code for pattern, code in _OWN if re.search(pattern, found[1])), "build-failed")
    help = " ".join(dict.fromkeys(text.strip() for text in helps))
    return caused(
        code,
        f"The image cannot be built: {quoted(found[1])}",
        help=help or ("" if code == "build-dns" else "Read the last lines of the build above."),
        detail=tail,
        facts=known,
    )


def step_failure(said: str, tail: str, known: Mapping[str, object]) -> RunClaudeError:
    """Return the error for the step that failed."""
    found = re.search(_FAILED_STEP, said)
    named = (found[1] or found[2]).strip() if found else ""
    lines = named.splitlines() or tail.strip().splitlines()[-1:] or ["no step is named, and nothing was printed"]
    step = quoted(lines[0], length=160)
    help = ""
    if re.search(r"(?i)certificate (?:is not yet valid|has expired)", said):
        help = "By the engine's clock, the server's certificate is invalid: compare `date -u` there with the true time."
    elif re.search(_WITHOUT_NETWORK, said):
        help = "The step could not reach its server: check the network, HTTPS_PROXY and RUN_CLAUDE_CA_BUNDLE."
    return caused(
        "build-failed",
        f"The image cannot be built: {step}",
        help=help,
        detail=tail,
        facts={**known, "step": step, "log": "run-claude proxy build --no-cache -v"},
    )
