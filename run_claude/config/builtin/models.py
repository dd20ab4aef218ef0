"""The built-in models. A test checks their ids against the price table of the locked LiteLLM.

Each provider states once what its models need: its key, or the variables that LiteLLM reads for it. A local server
counts as available when its address is set.
"""

from __future__ import annotations

from typing import Any

from run_claude.config.model import Model

__all__ = ["builtin_models"]


def builtin_models() -> dict[str, Model]:
    """Return the built-in models by name."""
    models = [*_hosted(), *_clouds(), *_local(), *_demo()]
    return {model.name: model for model in models}


def _demo() -> list[Model]:
    description = "answers by itself, needs no key"
    roles = ("opus", "sonnet", "haiku")
    return [Model(name=f"demo-{role}", params={"model": f"demo/{role}"}, description=description) for role in roles]


def _hosted() -> list[Model]:
    """Return the models of providers that need one key."""
    return [
        *_keyed(
            "anthropic",
            "ANTHROPIC_API_KEY",
            ("claude-fable-5-1", "claude-fable-5-1"),
            ("claude-opus-5-5", "claude-opus-5-5"),
            ("claude-sonnet-5-5", "claude-sonnet-5-5"),
            ("claude-haiku-5-5", "claude-haiku-5-5"),
        ),
        *_keyed(
            "openai",
            "OPENAI_API_KEY",
            ("gpt-6-astra", "gpt-6-astra"),
            ("gpt-6.1-sol", "gpt-6.1-sol"),
            ("gpt-6-luna", "gpt-6-luna"),
        ),
        *_keyed(
            "gemini",
            "GEMINI_API_KEY",
            ("gemini-4-argon", "gemini-4-argon"),
            ("gemini-3.8-flash", "gemini-3.8-flash"),
            ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite"),
        ),
        *_keyed(
            "openrouter",
            "OPENROUTER_API_KEY",
            ("openrouter-claude-opus-5.5", "anthropic/claude-opus-5.5"),
            ("openrouter-claude-sonnet-5.5", "anthropic/claude-sonnet-5.5"),
            ("openrouter-claude-haiku-5.5", "anthropic/claude-haiku-5.5"),
            ("openrouter-gpt-6.1-sol", "openai/gpt-6.1-sol"),
        ),
        *_keyed(
            "groq",
            "GROQ_API_KEY",
            ("groq-gpt-oss-120b", "openai/gpt-oss-120b"),
            ("groq-qwen3.8-27b", "qwen/qwen3.8-27b"),
            ("groq-gpt-oss-20b", "openai/gpt-oss-20b"),
        ),
        *_keyed(
            "cerebras",
            "CEREBRAS_API_KEY",
            ("cerebras-gpt-oss-120b", "gpt-oss-120b"),
            ("cerebras-gemma-4-31b", "gemma-4-31b"),
        ),
        *_keyed(
            "deepseek",
            "DEEPSEEK_API_KEY",
            ("deepseek-v4-pro", "deepseek-v4-pro"),
            ("deepseek-v4-flash", "deepseek-v4-flash"),
        ),
        *_keyed(
            "mistral",
            "MISTRAL_API_KEY",
            ("mistral-large-4", "mistral-large-4"),
            ("mistral-devstral", "devstral-latest"),
            ("mistral-small", "mistral-small-latest"),
        ),
        *_keyed(
            "xai",
            "XAI_API_KEY",
            ("xai-grok-4.7", "grok-4.7"),
            ("xai-grok-code-fast-1", "grok-code-fast-1"),
        ),
        *_keyed(
            "together_ai",
            "TOGETHERAI_API_KEY",
            ("together-kimi-k3", "moonshotai/Kimi-K3"),
            ("together-glm-5.3", "zai-org/GLM-5.3"),
            ("together-glm-5.3-flash", "zai-org/GLM-5.3-Flash"),
        ),
        *_keyed(
            "zai",
            "ZAI_API_KEY",
            ("zai-glm-5.3", "glm-5.3"),
            ("zai-glm-5.3-flash", "glm-5.3-flash"),
        ),
        *_keyed(
            "moonshot",
            "MOONSHOT_API_KEY",
            ("moonshot-kimi-k3", "kimi-k3"),
            ("moonshot-kimi-k2.7-code", "kimi-k2.7-code"),
            ("moonshot-kimi-k2.6", "kimi-k2.6"),
        ),
    ]


def _keyed(provider: str, key: str, *ids: tuple[str, str]) -> list[Model]:
    """Return the models of one such provider, from pairs of name and id."""
    return [
        Model(name=name, params={"model": f"{provider}/{id}", "api_key": f"os.environ/{key}"}, needs=((key,),))
        for name, id in ids
    ]


def _clouds() -> list[Model]:
    """Return the models of clouds, which need more than a key."""
    found = []
    for name in ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"):
        found.append(
            Model(
                name=f"bedrock-{name}",
                params={"model": f"bedrock/global.anthropic.{name}"},
                needs=(("AWS_REGION_NAME", "AWS_REGION"), ("AWS_BEARER_TOKEN_BEDROCK", "AWS_ACCESS_KEY_ID")),
                uses=("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
            )
        )
    for name in ("claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5", "gemini-3.8-flash"):
        found.append(
            Model(
                name=f"vertex-{name}",
                params={
                    "model": f"vertex_ai/{name}",
                    "vertex_project": "${VERTEXAI_PROJECT}",
                    "vertex_location": "${VERTEXAI_LOCATION:-global}",
                    "vertex_credentials": "os.environ/VERTEXAI_CREDENTIALS",
                },
                needs=(("VERTEXAI_PROJECT",), ("VERTEXAI_CREDENTIALS",)),
                uses=("VERTEXAI_LOCATION",),
            )
        )
    for role, name in (("OPUS", "gpt-6-astra"), ("SONNET", "gpt-6.1-sol"), ("HAIKU", "gpt-6-luna")):
        deployment = f"AZURE_{role}_DEPLOYMENT"  # Azure names a model by its deployment, whose name the user chose
        found.append(
            Model(
                name=f"azure-{name}",
                params={
                    "model": f"azure/${{{deployment}:-{name}}}",
                    "api_base": "${AZURE_API_BASE}",
                    "api_key": "os.environ/AZURE_API_KEY",
                    "api_version": "os.environ/AZURE_API_VERSION",
                },
                info={"base_model": f"azure/{name}"},
                needs=(("AZURE_API_KEY",), ("AZURE_API_BASE",)),
                uses=("AZURE_API_VERSION", deployment),
            )
        )
    return found


def _local() -> list[Model]:
    """Return the models of servers on this machine or its network. The user names the model."""
    return [
        _served("ollama", "ollama_chat", "OLLAMA", default="qwen3-coder"),
        _served("vllm", "hosted_vllm", "HOSTED_VLLM"),
        _served("lmstudio", "lm_studio", "LM_STUDIO"),
    ]


def _served(name: str, provider: str, variable: str, *, default: str = "") -> Model:
    base, model, key = f"{variable}_API_BASE", f"{variable}_MODEL", f"{variable}_API_KEY"
    id = f"${{{model}:-{default}}}" if default else f"${{{model}}}"
    params: dict[str, Any] = {
        "model": f"{provider}/{id}",
        "api_base": f"${{{base}}}",
        "api_key": f"os.environ/{key}",
    }
    needs = ((base,),) if default else ((base,), (model,))
    uses = (key, model) if default else (key,)
    return Model(name=name, params=params, description=f"the model that {model} names", needs=needs, uses=uses)
