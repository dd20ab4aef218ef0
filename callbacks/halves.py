"""Half a sign: what is left of an emoji, say, where a client cuts a text by UTF-16 units. Nobody can encode it.

Claude Code cuts long outputs of tools, and then every request with that text is refused, until the session is given up
(claude-code#3277 and many others). JSON has it as an escape without its other half. Knows no LiteLLM.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["loaded", "whole"]

# An escaped backslash, behind which `u` begins no escape; a pair; a half.
_ESCAPES = re.compile(
    r"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)
_HALF = len(r"\ud83e")


def loaded(body: bytes, loads: Callable[[bytes | str], Any]) -> Any:
    """Return what a JSON document says, also if it has half a sign somewhere.

    :param loads: a strict parser
    :raises ValueError: as ``loads`` does
    """
    try:
        return loads(body)
    except ValueError:
        if b"\\u" not in body:
            raise
        return loads(whole(body.decode(errors="replace")))


def whole(document: str) -> str:
    r"""Return a JSON document with `\ufffd` for each escape that is half a sign."""
    return _ESCAPES.sub(lambda found: r"\ufffd" if len(found[0]) == _HALF else found[0], document)
