"""The built-in profiles, in the order in which one is chosen if the user has not chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from run_claude.config.model import Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["builtin_profiles"]

# Other providers, and the clouds, reject the beta fields and headers that Claude Code sends.
_NO_BETAS = {"CLAUDE_CODE_DISABLE_EXPERIMENTAL_BETAS": "1"}
# Claude Code assumes 200,000 tokens for a model that it does not know, and would overrun a smaller one.
_SMALL = {**_NO_BETAS, "CLAUDE_CODE_MAX_CONTEXT_TOKENS": "131072"}
_PATIENT = {**_NO_BETAS, "API_TIMEOUT_MS": "1800000"}  # a local model may be slow


def builtin_profiles() -> dict[str, Profile]:
    """Return the built-in profiles by name."""
    profiles = [
        Profile(
            name="anthropic",
            description="Claude, from Anthropic.",
            opus="claude-opus-5-5",
            sonnet="claude-sonnet-5-5",
            haiku="claude-haiku-5-5",
            fable="claude-fable-5-1",
        ),
        Profile(
            name="claude-plan",
            description="Claude, with the Pro or Max subscription that Claude Code is logged in with.",
            opus="claude-opus-5-5",
            sonnet="claude-sonnet-5-5",
            haiku="claude-haiku-5-5",
            fable="claude-fable-5-1",
            subscription=True,
        ),
        _profile("openai", "GPT, from OpenAI.", "gpt-6-astra", "gpt-6.1-sol", "gpt-6-luna"),
        _profile(
            "gemini", "Gemini, from Google AI Studio.", "gemini-4-argon", "gemini-3.8-flash", "gemini-3.5-flash-lite"
        ),
        _profile(
            "bedrock",
            "Claude, on Amazon Bedrock.",
            "bedrock-claude-opus-5-5",
            "bedrock-claude-sonnet-5-5",
            "bedrock-claude-haiku-5-5",
        ),
        _profile(
            "vertex",
            "Claude, on Google Vertex AI.",
            "vertex-claude-opus-5-5",
            "vertex-claude-sonnet-5-5",
            "vertex-claude-haiku-5-5",
        ),
        _profile("azure", "GPT, on Microsoft Azure.", "azure-gpt-6-astra", "azure-gpt-6.1-sol", "azure-gpt-6-luna"),
        _profile(
            "openrouter",
            "Claude, through OpenRouter.",
            "openrouter-claude-opus-5.5",
            "openrouter-claude-sonnet-5.5",
            "openrouter-claude-haiku-5.5",
        ),
        _profile("groq", "Open models, on Groq.", "groq-gpt-oss-120b", "groq-qwen3.8-27b", "groq-gpt-oss-20b", _SMALL),
        _profile(
            "cerebras",
            "Open models, on Cerebras.",
            "cerebras-gpt-oss-120b",
            "cerebras-gpt-oss-120b",
            "cerebras-gemma-4-31b",
            _SMALL,
        ),
        _profile("deepseek", "DeepSeek.", "deepseek-v4-pro", "deepseek-v4-pro", "deepseek-v4-flash"),
        _profile("mistral", "Mistral.", "mistral-large-4", "mistral-devstral", "mistral-small"),
        _profile("xai", "Grok, from xAI.", "xai-grok-4.7", "xai-grok-4.7", "xai-grok-code-fast-1"),
        _profile(
            "together", "Open models, on Together.", "together-kimi-k3", "together-glm-5.3", "together-glm-5.3-flash"
        ),
        _profile("zai", "GLM, from Z.AI.", "zai-glm-5.3", "zai-glm-5.3", "zai-glm-5.3-flash"),
        _profile(
            "moonshot", "Kimi, from Moonshot.", "moonshot-kimi-k3", "moonshot-kimi-k2.7-code", "moonshot-kimi-k2.6"
        ),
        _local("ollama", "A model in Ollama: OLLAMA_MODEL at OLLAMA_API_BASE."),
        _local("vllm", "A model in vLLM: HOSTED_VLLM_MODEL at HOSTED_VLLM_API_BASE."),
        _local("lmstudio", "A model in LM Studio: LM_STUDIO_MODEL at LM_STUDIO_API_BASE."),
        Profile(
            name="demo",
            description="No key and no network: the proxy itself answers.",
            opus="demo-opus",
            sonnet="demo-sonnet",
            haiku="demo-haiku",
        ),
    ]
    return {profile.name: profile for profile in profiles}


def _profile(
    name: str, description: str, opus: str, sonnet: str, haiku: str, env: Mapping[str, str] = _NO_BETAS
) -> Profile:
    return Profile(name=name, description=description, opus=opus, sonnet=sonnet, haiku=haiku, env=env)


def _local(name: str, description: str) -> Profile:
    """Return the profile of a local server, which serves one model in every role."""
    return Profile(name=name, description=description, opus=name, sonnet=name, haiku=name, env=_PATIENT)
