"""What the proxy's entrypoint tells us in its container's log, and no other line: each of its marks is sealed.

Anybody who sends a request, and any provider that answers one, can have a line of any text in that log. Only the
entrypoint (``dep/litellm/boot/words.py``) knows the key of the seal, which is the proxy's master key. An image of a
release before this has no seals: its marks tell nothing then, its exit codes do.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["BEGINS", "SERVES", "Run", "mark_in", "marks_at", "runs", "seal", "unsealed"]

BEGINS = "entrypoint"
SERVES = "serving"

_SEALED = re.compile(r"run-claude: (?P<text>.*) \[(?P<seal>[0-9a-f]{16})\]\s*")
_SEAL = re.compile(r"(?m)(run-claude: [^\r\n]*) \[[0-9a-f]{16}\](?=\s*$)")
# Uvicorn's own words for it. They only ever end what counts, so nothing is won by forging them.
_SERVES_TOO = re.compile(r"INFO:\s+(?:Application startup complete|Uvicorn running on)")


@dataclass(slots=True)
class Run:
    """One run of the proxy's process, as far as its log is known.

    :param marks: what the entrypoint said, in this order
    :param lines: what else was printed before it served: by LiteLLM and Prisma, with no word from outside
    :param served: whether it has listened: why it ends later is in no line of its log
    """

    marks: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    served: bool = False


def seal(text: str, key: str) -> str:
    """Return the seal of a mark, as the entrypoint makes it."""
    message = f"run-claude mark: {text}".encode(errors="replace")
    return hmac.new(key.encode(errors="replace"), message, hashlib.sha256).hexdigest()[:16]


def mark_in(line: str, key: str) -> str | None:
    """Return what the entrypoint says in a line of its log; ``None`` if it is not the entrypoint that says it."""
    if not key or not (found := _SEALED.fullmatch(line)):
        return None
    return found["text"] if hmac.compare_digest(seal(found["text"], key), found["seal"]) else None


def marks_at(lines: Iterable[tuple[int, str]], key: str) -> dict[str, int]:
    """Return when the entrypoint last said what it says, from lines with their times: it belongs to the newest run."""
    return {text: at_ns for at_ns, line in lines if (text := mark_in(line, key)) is not None}


def unsealed(text: str) -> str:
    """Return lines of a log as people shall see them: whoever reads a seal could repeat what was said."""
    return _SEAL.sub(r"\1", text)


def runs(lines: Iterable[str], key: str, told: Callable[[str], str] = str) -> Sequence[Run]:
    """Return the runs in the end of a log, the newest first. The oldest may lack its beginning: then only marks count.

    :param told: makes of a mark what may be shown of it
    """
    found, begun = [Run()], False
    for line in lines:
        run, text = found[0], mark_in(line, key)
        if text == BEGINS:
            found.insert(0, Run())
            begun = True
        elif text == SERVES or _SERVES_TOO.match(line):
            run.served = True
        elif text is not None:
            run.marks.append(told(text))
        elif begun and not run.served:
            run.lines.append(line)
    return found
