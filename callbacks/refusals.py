"""What a provider refuses, said as Anthropic says it where a client of its format goes by that. Knows no LiteLLM.

Claude Code compacts a conversation, or offers to, where it reads "prompt is too long"; in any other words the session
is stuck. Said of another refusal, the words cost it the conversation. When to come again, and that a request is too
large, is part of a refusal too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["headers", "status", "words"]

_TOO_LONG = "prompt is too long"
_MORE = (
    r"(?:\bexceed|\btoo (?:long|large|big|many)\b|\b(?:greater|larger|longer|more) than\b|\bover the\b|\boverflow"
    r"|n[o']t fit\b)"
)
_WINDOW = (
    r"(?:context (?:window|length|size|limit)|maximum (?:context|prompt|input|model length)\b"
    r"|(?:prompt|input) (?:length|tokens?)\b|token limit|number of tokens)"
)
_NEAR = r"[^.;\n]{0,60}?"
# Of a prompt that does not fit, in the words of providers and servers: a window, and that something is more than it.
_FULL = re.compile(
    rf"{_MORE}{_NEAR}{_WINDOW}|{_WINDOW}{_NEAR}{_MORE}"
    r"|context_(?:length|window)_exceeded|exceed_context_size"  # the codes of OpenAI, Anthropic and llama.cpp
    r"|maximum (?:context|prompt|input) length (?:is|of) \d+(?: tokens)?[.,;]? (?:however|but)\b"
    r"|prompt (?:exceeds max|has too many tokens)|(?:input|prompt) (?:is )?too long|too many (?:input |prompt )?tokens"
    r"|reduce the length of the (?:messages|prompt|input|conversation)|current length is \d+ while limit is"
    r"|range of input length should be|`inputs` tokens \+ `max_new_tokens`"
    r"|tokens to keep from the initial prompt",
    re.IGNORECASE,
)
# LiteLLM's own judgement. It stands before what the provider says, and is made of every text that is too long.
_JUDGED = re.compile(r".{0,200}?\bContextWindowExceededError\b", re.DOTALL)
_FIELD = re.compile(
    r"Invalid '(?!input'|(?:input|messages)\[\d+\]\.(?:content|output))[^']*': string too long", re.IGNORECASE
)
# What validators repeat of a request: the words in it are the user's.
_ECHO = re.compile(r"""\\*['"]input\\*['"]\s*:\s*\\*[\[{'"]|\binput_value=""")
# How large the prompt is, and its window, where a refusal says them apart from max_tokens.
_PROMPT = re.compile(
    r"(\d+) (?:input tokens|prompt tokens|tokens? (?:in|of) the (?:messages|prompt|input)"
    r"|in the (?:messages|prompt)|of text input|`inputs` tokens)|exceed context limit: (\d+) \+ \d+ >",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"(?:maximum (?:context|prompt|input|model) length|context (?:window|length|size|limit)) (?:is|of) (\d+)"
    r"|must be <= (\d+)|exceed context limit: \d+ \+ \d+ > (\d+)",
    re.IGNORECASE,
)
# What is too large is max_tokens, and not its sum with the prompt.
_ANSWER = re.compile(
    r"(?<!\+ )(?<!\+ [`'\"])(?<!plus )(?<!and )(?<!and [`'\"])\bmax(?:_completion|_output|_new)?_tokens\b"
    r"[^.;\n]{0,50}?(?:\btoo (?:large|big|high)|\bexceed|\b(?:greater|larger|more|less) than\b)",
    re.IGNORECASE,
)
_ROOM = 1024  # tokens: with less beside the prompt, no answer is asked for (see limits), and the prompt is what is left
_NUMBER = re.compile(r"(?<![\w.-])\d{4,}(?![\w-])")  # none of a model's name
_TYPE = re.compile(r"""\\*['"]type\\*['"]\s*:\s*\\*['"]request_too_large\b""")
_LATER = ("retry-after", "anthropic-ratelimit-", "x-should-retry")


def words(message: str, code: int) -> str:
    """Return a refusal's message: that of a prompt that does not fit with Anthropic's words before the provider's."""
    if code not in (400, 422):
        return message
    own = _own(message)
    if _TOO_LONG in own.lower():
        return message
    if own is not message and _TOO_LONG in message.lower():
        return f"{own}… (what it repeats of the request is left out)"
    if not _is_full(own, judged=own is message and bool(_JUDGED.match(own)) and not _FIELD.search(own)):
        return message
    numbers = sorted({int(number) for number in _NUMBER.findall(own)})
    known = f": {numbers[1]} tokens > {numbers[0]} maximum" if len(numbers) == 2 else ""
    return f"{_TOO_LONG}{known}. The provider says: {message}"


def status(message: str, code: int) -> int:
    """Return a refusal's status. LiteLLM makes 400 of Anthropic's 413."""
    return 413 if code == 400 and _TYPE.search(_own(message)) else code


def _own(message: str) -> str:
    """Return a message up to where it repeats the request."""
    echo = _ECHO.search(message)
    return message[: echo.start()] if echo else message


def _is_full(message: str, *, judged: bool) -> bool:
    """Tell whether it is the prompt that does not fit.

    :param judged: whether LiteLLM says so; it says so of a max_tokens that is too large as well
    """
    prompt, limit = _first(_PROMPT, message), _first(_LIMIT, message)
    if prompt is not None and limit is not None:
        return prompt + _ROOM > limit
    return not _ANSWER.search(message) and (judged or bool(_FULL.search(message)))


def _first(pattern: re.Pattern[str], message: str) -> int | None:
    found = pattern.search(message)
    return int(next(filter(None, found.groups()))) if found else None


def headers(error: BaseException) -> dict[str, str]:
    """Return when a client may come again, as the provider has said it: without, Claude Code asks on and on."""
    response = getattr(error, "response", None)
    for found in (getattr(error, "litellm_response_headers", None), getattr(response, "headers", None)):
        if found is not None and (said := _said(found)):
            return said
    return {}


def _said(found: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in found.items() if name.lower().startswith(_LATER)}
