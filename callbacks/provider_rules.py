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
        "inference_geo",
        "mcp_servers",
        "provider_specific_fields",
        "redacted_thinking",
        "server_tools",
        "service_tier",
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

# What nobody but Anthropic has anything like.
_OF_ITS_API = frozenset({"container", "context_management", "inference_geo", "mcp_servers", "speed"})
# Gemini's thought signatures travel in thinking blocks and provider_specific_fields. Of a mark for a cache, LiteLLM
# makes a `cachedContents` before each request of more than 1,024 tokens: another round trip, paid for by the hour, and
# refused in the free tier. Gemini caches by itself.
_DROPPED_FOR: dict[str, frozenset[str]] = {
    "azure": (_FOREIGN - {"service_tier"}) | {"reasoning_content"},
    "azure_ai": _CLAUDE_ELSEWHERE,
    "bedrock": _CLAUDE_ELSEWHERE | {"tools.strict"},
    "cerebras": _FOREIGN | {"prompt_cache_key", "reasoning_content", "top_k"},
    "compatible": _COMPATIBLE,
    "deepseek": _COMPATIBLE,
    "fireworks_ai": _FOREIGN,
    "gemini": _OF_ITS_API | {"cache_control", "server_tools", "service_tier"},
    "groq": (_FOREIGN - {"service_tier"}) | {"prompt_cache_key", "reasoning_content", "tools.strict", "top_k"},
    "hosted_vllm": _FOREIGN,
    "lm_studio": _FOREIGN,
    "minimax": _COMPATIBLE,
    "mistral": _FOREIGN | {"reasoning_content", "top_k"},
    "moonshot": _FOREIGN | {"top_k"},
    "ollama": _FOREIGN,
    "ollama_chat": _FOREIGN,
    "openai": (_FOREIGN - {"service_tier"}) | {"reasoning_content"},
    "openrouter": (_FOREIGN - {"cache_control"}) | {"cache_control.scope"},  # it hands cache_control to Claude
    "together_ai": _FOREIGN,
    "vertex_ai": _CLAUDE_ELSEWHERE,
    "xai": _FOREIGN | {"reasoning_content", "top_k"},
    "zai": _FOREIGN | {"top_k"},
}
# By model, where one provider's models differ.
_DROPPED_FOR_MODEL: tuple[tuple[str, re.Pattern[str], frozenset[str]], ...] = (
    ("bedrock", re.compile(r"^(?!.*claude)"), _OF_ITS_API | {"server_tools", "service_tier", "top_k"}),
    ("vertex_ai", re.compile(r"^(?!.*claude)"), _OF_ITS_API | {"cache_control", "server_tools", "service_tier"}),
    # All of them think; only these have the dial.
    ("xai", re.compile(r"grok-(?!3-mini|4\.3|4\.20-multi-agent)"), frozenset({"reasoning_effort", "reasoning"})),
)
# Spoken to in Anthropic's format: what is dropped is dropped from it, not from a translation.
_NATIVE = frozenset({"anthropic", "azure_ai", "bedrock", "deepseek", "minimax", "vertex_ai"})
_CLOUDS = frozenset({"bedrock", "vertex_ai"})  # in that format only where the model is Claude
_IMITATORS = frozenset({"compatible", "deepseek", "minimax"})  # no beta of Anthropic's is one of theirs
# LiteLLM makes a search of these providers' own of Anthropic's; of the other hosted tools there is no such thing.
_SEARCHES = frozenset({"azure", "gemini", "openai", "openrouter", "vertex_ai", "xai"})

_IN_MESSAGES = frozenset({"caller", "provider_specific_fields", "reasoning_content"})
# Whoever serves Kimi with its own ids of calls; all take an id of any form.
_SERVE_KIMI = frozenset({"groq", "hosted_vllm", "moonshot", "openrouter", "together_ai"})
# Without these there is no request; nobody's list takes them away.
_NEEDED = frozenset({"model", "messages", "input", "max_tokens", "custom_llm_provider", "litellm_logging_obj"})


@dataclass(frozen=True, slots=True)
class Rules:
    """What a deployment does not get, and in what form it gets the rest.

    ``betas`` is what may pass; ``None`` is everything. ``off``: the user wants nothing changed.
    """

    provider: str = ""
    model: str = ""
    drop: frozenset[str] = frozenset()
    betas: frozenset[str] | None = None
    native: bool = False  # spoken to in Anthropic's format
    claude: bool = False  # and it is Claude
    searches: bool = False
    chat_only: bool = False  # of OpenAI's API it speaks chat completions, and nothing else
    off: bool = False
    parts: frozenset[str] = field(init=False)  # of cache_control
    in_messages: frozenset[str] = field(init=False)  # fields at any depth of a message
    tools: frozenset[str] = field(init=False)  # fields of tool definitions

    def __post_init__(self) -> None:
        object.__setattr__(self, "in_messages", _IN_MESSAGES & self.drop)
        object.__setattr__(self, "parts", _below("cache_control.", self.drop))
        object.__setattr__(self, "tools", _below("tools.", self.drop))

    @property
    def settles_system(self) -> bool:
        """Whether system messages may stand at the beginning only."""
        return not self.claude

    @property
    def needs_results(self) -> bool:
        """Whether an empty result gets words: LiteLLM leaves empty messages out, and the call has no result then."""
        return self.provider == "mistral"

    @property
    def ends_with_user(self) -> bool:
        """Whether the last words have to be the user's: an answer that is begun is not gone on with."""
        return self.provider == "bedrock" and not self.claude

    @property
    def begins_answers(self) -> bool:
        """Whether the beginning of an answer has to be marked as such."""
        return self.provider == "mistral"

    @property
    def keeps_seals(self) -> bool:
        """Whether ids of tool calls are left as they are: LiteLLM reads seals out of them."""
        return self.provider in ("gemini", "vertex_ai") and not self.claude

    @property
    def keeps_kimi_ids(self) -> bool:
        """Whether ids of the form `functions.NAME:NUMBER` stay as they are: Kimi was trained on that form."""
        return self.provider in _SERVE_KIMI and "kimi" in self.model.lower()

    @property
    def most_tools(self) -> int | None:
        """How many tools a request may have."""
        return 128 if self.provider in ("azure", "groq", "openai") and not self.chat_only else None

    @property
    def short_ids(self) -> bool:
        """Whether ids of tool calls have to be nine letters and digits."""
        return self.provider == "mistral"


def rules_for(request: Mapping[str, Any]) -> Rules:
    """Return the rules for the deployment that a request goes to."""
    model = str(request.get("model") or "")
    provider = str(request.get("custom_llm_provider") or model.partition("/")[0])
    model = model.removeprefix(f"{provider}/")
    own = ((request.get("model_info") or {}).get("run_claude") or {}).get("compat")
    if own is False:
        return Rules(off=True)
    own = own if isinstance(own, dict) else {}
    like = str(own.get("like") or ("compatible" if _imitates_anthropic(provider, model, request) else provider))
    drop = set(_DROPPED_FOR.get(like, ()))
    for name, pattern, fields in _DROPPED_FOR_MODEL:
        if name == like and pattern.search(model):
            drop |= fields
    chat_only = provider == "openai" and _speaks_chat_only(request)
    if chat_only:
        drop |= {"service_tier", "top_k"}  # OpenAI's alone, and not even that
    drop = (drop | _names(own.get("drop"))) - _names(own.get("keep")) - _NEEDED
    betas = own.get("betas", [] if like in _IMITATORS else None)  # an empty list lets none pass, no list lets all
    native = provider in _NATIVE and not (provider in _CLOUDS and "claude" not in model)
    return Rules(
        provider=provider,
        model=model,
        drop=frozenset(drop),
        betas=None if betas is None else frozenset(_names(betas)),
        native=native,
        claude=native and "claude" in model,
        searches=like in _SEARCHES and not chat_only,
        chat_only=chat_only,
    )


def _names(value: Any) -> set[str]:
    return {value} if isinstance(value, str) else set(map(str, value)) if isinstance(value, list) else set()


def _is_elsewhere(request: Mapping[str, Any], domain: str) -> bool:
    """Tell whether a deployment has an address of its own, outside its provider's domain."""
    base = request.get("api_base") or request.get("base_url")
    host = urlsplit(str(base)).hostname or "" if base else domain
    return host != domain and not host.endswith(f".{domain}")


def _imitates_anthropic(provider: str, model: str, request: Mapping[str, Any]) -> bool:
    """Tell whether this is Anthropic's API spoken by somebody else. A gateway in front of Claude is not."""
    return provider == "anthropic" and "claude" not in model and _is_elsewhere(request, "anthropic.com")


def _speaks_chat_only(request: Mapping[str, Any]) -> bool:
    """Tell whether a server imitates OpenAI's API, and its `supported_endpoints` do not name /responses."""
    info = request.get("model_info")
    endpoints = info.get("supported_endpoints") if isinstance(info, dict) else None
    return _is_elsewhere(request, "openai.com") and "/v1/responses" not in (endpoints or ())


def _below(prefix: str, names: frozenset[str]) -> frozenset[str]:
    return frozenset(name.removeprefix(prefix) for name in names if name.startswith(prefix))
