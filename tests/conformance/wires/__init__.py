"""The formats of the providers: what each refuses, and how it says an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import anthropic, bedrock, chat, gemini, ollama, responses
from .reply import Reply

if TYPE_CHECKING:
    from .reply import Wire

__all__ = ["WIRES", "Reply"]

WIRES: dict[str, Wire] = {
    "anthropic": anthropic.Anthropic(),
    "azure": chat.Azure(),
    "chat": chat.Chat(),
    "converse": bedrock.Converse(),
    "gemini": gemini.Gemini(),
    "imitated": anthropic.Imitated(),
    "invoke": bedrock.Invoke(),
    "ollama": ollama.Ollama(),
    "raw-predict": anthropic.RawPredict(),
    "responses": responses.Responses(),
}
