"""The ``demo`` provider: answers by itself, without a key and without a network.

So that a new installation can be tried before any key is there, and that tests cost nothing. Registered by
``litellm_settings.custom_provider_map``; a model ``demo/NAME`` is answered here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import Choices, Message, Usage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from litellm.types.utils import GenericStreamingChunk, ModelResponse

_ECHOED = 80  # characters
_LONG = 1000  # characters
_NOT_THE_USERS = (
    "Operator note (not from the user)"  # how LiteLLM hands on Claude Code's mid-conversation system messages
)
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)  # Claude Code's own words, not the user's


def answer(messages: list[dict[str, Any]]) -> str:
    """Return the answer: what it comes from, and the user's last words."""
    said = _last_words(messages)
    heard = f' You said: "{said}"' if said else ""
    return (
        "Hello from run-claude's demo profile! LiteLLM is running, and this answer came through it,"
        f" from no model at all.{heard} Add a provider's key to talk to a real one: `run-claude profiles list`."
    )


def _last_words(messages: list[dict[str, Any]]) -> str:
    """Return the user's last words. Claude Code puts texts of its own behind them, long ones or marked ones."""
    said = [text for message in messages if message.get("role") == "user" for text in _texts(message.get("content"))]
    last = next(
        (text for text in reversed(said) if len(text) < _LONG and _NOT_THE_USERS not in text), said[-1] if said else ""
    )
    return last if len(last) <= _ECHOED else last[: _ECHOED - 1] + "…"


def _texts(content: object) -> list[str]:
    parts = [content] if isinstance(content, str) else [_text(part) for part in content or []]  # type: ignore[attr-defined]
    return [text for part in parts if (text := " ".join(_REMINDER.sub(" ", part).split()))]


def _text(part: object) -> str:
    text = part.get("text") if isinstance(part, dict) else part
    return text if isinstance(text, str) else ""


def _usage(messages: list[dict[str, Any]], text: str) -> Usage:
    """Return rough numbers of tokens: clients show them, nobody is charged."""
    prompt = sum(len(str(message.get("content") or "")) for message in messages) // 4
    completion = len(text) // 4
    return Usage(prompt_tokens=prompt, completion_tokens=completion, total_tokens=prompt + completion)


class DemoProvider(CustomLLM):
    """Answers each request with :func:`answer`; tools and other parameters are accepted and not used."""

    def completion(self, *, messages: list[Any], model_response: ModelResponse, **_: Any) -> ModelResponse:
        """Answer in one piece."""
        text = answer(messages)
        model_response.choices = [
            Choices(index=0, finish_reason="stop", message=Message(role="assistant", content=text))
        ]
        model_response.usage = _usage(messages, text)  # type: ignore[attr-defined]
        return model_response

    async def acompletion(self, **request: Any) -> ModelResponse:
        """Answer in one piece."""
        return self.completion(**request)

    def streaming(self, *, messages: list[Any], **_: Any) -> Iterator[GenericStreamingChunk]:
        """Answer word by word."""
        text = answer(messages)
        for word in re.findall(r"\S+\s*", text):
            yield _chunk(word)
        usage = _usage(messages, text)
        last = _chunk("", finish_reason="stop")
        last["usage"] = {
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "total_tokens": usage.total_tokens,
        }
        yield last

    async def astreaming(self, **request: Any) -> AsyncIterator[GenericStreamingChunk]:
        """Answer word by word."""
        for chunk in self.streaming(**request):
            yield chunk


def _chunk(text: str, *, finish_reason: str = "") -> GenericStreamingChunk:
    return {
        "text": text,
        "index": 0,
        "tool_use": None,
        "is_finished": bool(finish_reason),
        "finish_reason": finish_reason,
        "usage": None,
    }


handler = DemoProvider()
