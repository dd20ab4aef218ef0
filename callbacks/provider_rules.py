"""What each provider refuses, and what a deployment's own settings say: see provider_compat for their form."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

# What only Anthropic's own API knows. Servers with a strict schema answer 400 or 422 to any of it.
_FOREIGN = frozenset(
    {
        "cache_control",
        "caller",
        "container",
        "context_management",
        "mcp_servers",
        "provider_specific_fields",
        "redacted_thinking",
        "speed",
        "thinking_blocks",
        "tools.allowed_callers",
        "tools.defer_loading",
        "tools.eager_input_streaming",
        "tools.input_examples",
    }
)
# What servers that imitate Anthropic's API do not know of it: Z.AI, Moonshot, DeepSeek, MiniMax, LM Studio, ...
# Their own thinking has to come back to them, so that stays.
_COMPATIBLE = (_FOREIGN - {"cache_control", "thinking_blocks"}) | {
    "cache_control.scope",
    "cache_control.ttl",
    "output_config",
    "output_format",
    "tools.strict",
}
# Claude, served by somebody else: behind Anthropic's own API by some releases.
_CLAUDE_ELSEWHERE = frozenset({"cache_control.scope", "caller", "speed", "tools.eager_input_streaming"})

# Gemini is not in it: its thought signatures travel in thinking blocks and provider_specific_fields.
_DROPPED_FOR: dict[str, frozenset[str]] = {
    "azure": _FOREIGN | {"reasoning_content"},
    "azure_ai": _CLAUDE_ELSEWHERE,
    "bedrock": _CLAUDE_ELSEWHERE | {"tools.strict"},
    "cerebras": _FOREIGN | {"reasoning_content"},
    "compatible": _COMPATIBLE,
    "deepseek": _COMPATIBLE,
    "fireworks_ai": _FOREIGN,
    "groq": _FOREIGN | {"reasoning_content", "tools.strict"},
    "hosted_vllm": _FOREIGN,
    "lm_studio": _FOREIGN,
    "minimax": _COMPATIBLE,
    "mistral": _FOREIGN | {"reasoning_content"},
    "moonshot": _FOREIGN,
    "ollama": _FOREIGN,
    "ollama_chat": _FOREIGN,
    "openai": _FOREIGN | {"reasoning_content"},
    "openrouter": (_FOREIGN - {"cache_control"}) | {"cache_control.scope"},  # it hands cache_control to Claude
    "together_ai": _FOREIGN,
    "vertex_ai": _CLAUDE_ELSEWHERE,
    "xai": _FOREIGN | {"reasoning_content"},
    "zai": _FOREIGN,
}
# By model, where one provider's models differ.
_DROPPED_FOR_MODEL: tuple[tuple[str, re.Pattern[str], frozenset[str]], ...] = (
    # All of them think; only these have the dial.
    ("xai", re.compile(r"grok-(?!3-mini|4\.3|4\.20-multi-agent)"), frozenset({"reasoning_effort", "reasoning"})),
)
# Spoken to in Anthropic's format: what is dropped is dropped from it, not from a translation.
_NATIVE = frozenset({"anthropic", "azure_ai", "bedrock", "deepseek", "minimax", "vertex_ai"})
_IMITATORS = frozenset({"compatible", "deepseek", "minimax"})  # no beta of Anthropic's is one of theirs

# Without these there is no request; nobody's list takes them away.
_NEEDED = frozenset({"model", "messages", "input", "max_tokens", "custom_llm_provider", "litellm_logging_obj"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a deployment does not get. ``betas`` is what may pass; ``None`` is everything."""

    drop: frozenset[str] = frozenset()
    betas: frozenset[str] | None = None
    native: bool = False
    parts: frozenset[str] = field(init=False)  # of cache_control
    tools: frozenset[str] = field(init=False)  # fields of tool definitions

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", _below("cache_control.", self.drop))
        object.__setattr__(self, "tools", _below("tools.", self.drop))


def rules_for(request: Mapping[str, Any]) -> Rules:
    """Return the rules for the deployment that a request goes to."""
    model = str(request.get("model") or "")
    provider = str(request.get("custom_llm_provider") or model.partition("/")[0])
    model = model.removeprefix(f"{provider}/")
    own = ((request.get("model_info") or {}).get("run_claude") or {}).get("compat")
    if own is False:
        return Rules()
    own = own if isinstance(own, dict) else {}
    like = str(own.get("like") or ("compatible" if _imitates_anthropic(provider, model, request) else provider))
    drop = set(_DROPPED_FOR.get(like, ()))
    for name, pattern, fields in _DROPPED_FOR_MODEL:
        if name == like and pattern.search(model):
            drop |= fields
    drop = (drop | _names(own.get("drop"))) - _names(own.get("keep")) - _NEEDED
    betas = own.get("betas", [] if like in _IMITATORS else None)  # an empty list lets none pass, no list lets all
    return Rules(
        drop=frozenset(drop), betas=None if betas is None else frozenset(_names(betas)), native=provider in _NATIVE
    )


def _names(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else set(map(str, value)) if isinstance(value, list) else set()


def _imitates_anthropic(provider: str, model: str, request: Mapping[str, Any]) -> bool:
    """Tell whether this is Anthropic's API spoken by somebody else. A gateway in front of Claude is not."""
    base = request.get("api_base") or request.get("base_url")
    if provider != "anthropic" or not base or "claude" in model:
        return False
    host = urlsplit(str(base)).hostname or ""
    return host != "anthropic.com" and not host.endswith(".anthropic.com")


def _below(prefix: str, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))
