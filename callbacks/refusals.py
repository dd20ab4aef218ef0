"""What a provider refuses, said as Anthropic says it where a client of its format goes by that. Knows no LiteLLM.

Claude Code compacts a conversation, or offers to, where it reads "prompt is too long"; in any other words the session
is stuck. When to come again, and that a request is too large, is part of a refusal too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["headers", "status", "words"]

_TOO_LONG = "prompt is too long"
# Of a prompt that does not fit, in the words of providers and servers.
_FULL = re.compile(
    r"ContextWindowExceeded|context[ _](?:window|length|size)|maximum (?:prompt|context|input) length|maximum context"
    r"|input token count|input tokens exceeded|input is too long|input length|too many (?:input )?tokens"
    r"|reduce the length of|current length is \d+|model token limit|exceeds max length|`inputs` tokens"
    r"|tokens to keep from the initial prompt|prompt has too many tokens",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d{4,}")
_LATER = ("retry-after", "anthropic-ratelimit-", "x-should-retry")


def words(message: str, code: int) -> str:
    """Return a refusal's message: that of a prompt that does not fit with Anthropic's words before the provider's."""
    if code not in (400, 422) or _TOO_LONG in message.lower() or not _FULL.search(message):
        return message
    numbers = sorted({int(number) for number in _NUMBER.findall(message)})
    known = f": {numbers[1]} tokens > {numbers[0]} maximum" if len(numbers) == 2 else ""
    return f"{_TOO_LONG}{known}. The provider says: {message}"


def status(message: str, code: int) -> int:
    """Return a refusal's status. LiteLLM makes 400 of Anthropic's 413."""
    return 413 if code == 400 and "request_too_large" in message else code


def headers(error: BaseException) -> dict[str, str]:
    """Return when a client may come again, as the provider has said it: without, Claude Code asks on and on."""
    response = getattr(error, "response", None)
    for found in (getattr(error, "litellm_response_headers", None), getattr(response, "headers", None)):
        if found is not None and (said := _said(found)):
            return said
    return {}


def _said(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in found.items() if name.lower().startswith(_LATER)}
