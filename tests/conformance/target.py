"""Where an exchange goes: the built-in models, one or more of each provider, and what each of them takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CLAUDE_BETAS", "TARGETS", "Target"]

# The betas of Anthropic's own API that Claude Code 2.1 sends.
CLAUDE_BETAS = frozenset(
    {
        "claude-code-20250219",
        "interleaved-thinking-2025-05-14",
        "thinking-token-count-2026-05-13",
        "context-management-2025-06-27",
        "prompt-caching-scope-2026-01-05",
        "mid-conversation-system-2026-04-07",
        "effort-2025-11-24",
    }
)
_CHAT_EFFORTS = ("low", "medium", "high")
_IGNORES = frozenset({"prompt_cache_key"})  # known there, or not looked at


@dataclass(frozen=True, slots=True)
class Target:
    """A model behind the gateway.

    :param params: `litellm_params`; BASE stands for the stub's address with this target's name
    :param output: the most tokens that it answers with; more in a request is refused
    :param context: the most tokens of request and answer together; 0 is not looked at
    :param efforts: the efforts it takes; empty is none at all
    :param sees: whether images may be sent
    :param reads: whether documents (PDF) may be sent
    :param thinks: whether thinking comes from it in a form that its wire can carry
    :param fields: fields of a chat completion that only this provider knows
    :param info: `model_info`, where a model of the user's needs it
    """

    name: str
    provider: str
    wire: str
    params: Mapping[str, Any]
    output: int
    context: int = 0
    efforts: tuple[str, ...] = ()
    sees: bool = True
    reads: bool = False
    thinks: bool = True
    fields: frozenset[str] = frozenset()
    info: Mapping[str, Any] = field(default_factory=dict)
    imitator: bool = False  # speaks Anthropic's format, and knows only what is documented of it

    @property
    def claude(self) -> bool:
        """Whether Claude itself answers, whoever serves it."""
        return "claude" in str(self.params["model"])


def _target(name: str, provider: str, wire: str, model: str, path: str, **more: Any) -> Target:
    params = {"model": model, "api_base": f"BASE{path}", "api_key": "key-of-the-provider", **more.pop("params", {})}
    return Target(name=name, provider=provider, wire=wire, params=params, **more)


_AWS = {
    "api_base": None,
    "api_key": None,
    "aws_bedrock_runtime_endpoint": "BASE",
    "aws_access_key_id": "a",
    "aws_secret_access_key": "b",
    "aws_region_name": "us-east-1",
}
_VERTEX = {"vertex_project": "p", "vertex_location": "us-east5", "vertex_credentials": "ACCOUNT", "api_key": None}
_GPT = ("low", "medium", "high", "xhigh", "max")

# The limits are those of the locked LiteLLM's price table where it has them, else of the provider's documentation.
_ALL = (
    _target("anthropic", "anthropic", "anthropic", "anthropic/claude-opus-5-5", "", output=128_000, reads=True),
    _target("anthropic-haiku", "anthropic", "anthropic", "anthropic/claude-haiku-5-5", "", output=128_000, reads=True),
    _target(
        "openai",
        "openai",
        "responses",
        "openai/gpt-6.1-sol",
        "/v1",
        output=128_000,
        efforts=_GPT,
        reads=True,
        info={"supported_endpoints": ["/v1/chat/completions", "/v1/responses"]},
    ),
    _target("openai-own", "openai", "chat", "openai/my-model", "/v1", output=1 << 30, efforts=_CHAT_EFFORTS),
    _target("gemini", "gemini", "gemini", "gemini/gemini-3.8-flash", "", output=65_536, reads=True),
    _target(
        "bedrock",
        "bedrock",
        "invoke",
        "bedrock/global.anthropic.claude-opus-5-5",
        "",
        output=128_000,
        reads=True,
        params=_AWS,
    ),
    _target(
        "bedrock-nova",
        "bedrock",
        "converse",
        "bedrock/amazon.nova-pro-v1:0",
        "",
        output=10_000,
        thinks=False,
        reads=True,
        params=_AWS,
    ),
    _target(
        "vertex-claude",
        "vertex_ai",
        "raw-predict",
        "vertex_ai/claude-opus-5-5",
        "/vertex",
        output=128_000,
        reads=True,
        params=_VERTEX,
    ),
    _target(
        "vertex-gemini",
        "vertex_ai",
        "gemini",
        "vertex_ai/gemini-3.8-flash",
        "",
        output=65_536,
        reads=True,
        params=_VERTEX,
    ),
    _target(
        "azure",
        "azure",
        "azure",
        "azure/gpt-6.1-sol",
        "",
        output=128_000,
        efforts=_GPT,
        reads=True,
        fields=_IGNORES | {"service_tier"},
        params={"api_version": "2025-04-01-preview"},
        info={"base_model": "azure/gpt-6.1-sol"},
    ),
    _target(
        "openrouter",
        "openrouter",
        "chat",
        "openrouter/anthropic/claude-sonnet-5.5",
        "/api/v1",
        output=128_000,
        efforts=(*_CHAT_EFFORTS, "xhigh", "max", "minimal", "none"),
        fields=frozenset({"reasoning", "usage", "cache_control"}) | _IGNORES,
        reads=True,
    ),
    _target(
        "groq",
        "groq",
        "chat",
        "groq/openai/gpt-oss-120b",
        "/openai/v1",
        output=65_536,
        context=131_072,
        efforts=_CHAT_EFFORTS,
        sees=False,
        fields=frozenset({"reasoning_format", "service_tier", "browser_search"}),
    ),
    _target(
        "groq-qwen",
        "groq",
        "chat",
        "groq/qwen/qwen3.8-27b",
        "/openai/v1",
        output=16_384,
        context=131_072,
        efforts=("none", "default"),
        fields=frozenset({"reasoning_format", "service_tier"}),
    ),
    _target(
        "cerebras",
        "cerebras",
        "chat",
        "cerebras/gpt-oss-120b",
        "/v1",
        output=32_768,
        context=131_072,
        efforts=_CHAT_EFFORTS,
        sees=False,
    ),
    _target("deepseek", "deepseek", "imitated", "deepseek/deepseek-v4-pro", "", output=393_216, sees=False),
    _target(
        "mistral",
        "mistral",
        "chat",
        "mistral/mistral-large-4",
        "/v1",
        output=1_048_576,
        efforts=("none", "high"),
        fields=frozenset({"safe_prompt", "random_seed", "prompt_cache_key"}),
    ),
    _target("mistral-devstral", "mistral", "chat", "mistral/devstral-latest", "/v1", output=256_000, sees=False),
    _target("xai", "xai", "chat", "xai/grok-code-fast-1", "/v1", output=256_000, fields=_IGNORES),
    _target(
        "together",
        "together_ai",
        "chat",
        "together_ai/moonshotai/Kimi-K3",
        "/v1",
        output=1_048_576,
        efforts=("low", "high", "max"),
        fields=_IGNORES | {"reasoning", "top_k"},
    ),
    _target(
        "zai",
        "zai",
        "chat",
        "zai/glm-5.3",
        "/v4",
        output=128_000,
        sees=False,
        fields=frozenset({"thinking"}) | _IGNORES,
    ),
    _target(
        "moonshot",
        "moonshot",
        "chat",
        "moonshot/kimi-k3",
        "/v1",
        output=1_048_576,
        efforts=("low", "high", "max"),
        fields=frozenset({"thinking"}) | _IGNORES,
    ),
    _target(
        "compatible",
        "anthropic",
        "imitated",
        "anthropic/glm-4.6",
        "/api/anthropic",
        output=131_072,
        sees=False,
        info={"max_output_tokens": 131_072, "supports_vision": False},
    ),
    _target("ollama", "ollama_chat", "ollama", "ollama_chat/coder", "", output=1 << 30, sees=False, thinks=False),
    _target("ollama-thinker", "ollama_chat", "ollama", "ollama_chat/thinker", "", output=1 << 30),
    _target(
        "vllm",
        "hosted_vllm",
        "chat",
        "hosted_vllm/qwen3",
        "/v1",
        output=1 << 30,
        context=65_536,
        efforts=_CHAT_EFFORTS,
        fields=_IGNORES | {"top_k"},
    ),
    _target("lmstudio", "lm_studio", "chat", "lm_studio/qwen3", "/v1", output=1 << 30, fields=_IGNORES | {"top_k"}),
)
TARGETS: dict[str, Target] = {target.name: target for target in _ALL}
