"""The built-in models. A test holds their ids against the price table of the locked LiteLLM."""

from __future__ import annotations

from run_claude.config.model import Model

__all__ = ["builtin_models"]


def builtin_models() -> dict[str, Model]:
    """Return the built-in models by name."""
    models = [
        Model(name=f"demo-{role}", params={"model": f"demo/{role}"}, description="answers by itself, without a key")
        for role in ("opus", "sonnet", "haiku")
    ]
    return {model.name: model for model in models}
