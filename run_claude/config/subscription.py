"""Anthropic's own models without a key: for those who are logged in to Claude Code with a subscription.

A profile with `subscription: true` gets a twin of each such model, which LiteLLM serves with the login that the request
brings, and with nothing else.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from run_claude.config.model import ROLES, Model, Models, Profile

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["with_subscriptions"]


def with_subscriptions(models: Models, profiles: Mapping[str, Profile]) -> tuple[Models, dict[str, Profile]]:
    """Return models and profiles, in which profiles with a subscription name twins of Anthropic's own models."""
    twins: dict[str, Model] = {}
    changed: dict[str, Profile] = {}
    for profile in profiles.values():
        if profile.subscription:
            own = {name: _twin(models[name]) for name in profile.served if name in models and _is_own(models[name])}
            twins |= {twin.name: twin for twin in own.values() if twin.name not in set(models)}  # a wildcard has all
            changed[profile.name] = _renamed(profile, {name: twin.name for name, twin in own.items()})
    return Models({**models, **twins}), {**profiles, **changed}


def _renamed(profile: Profile, names: Mapping[str, str]) -> Profile:
    """Return a profile with other names for some of its models, wherever they stand in it."""

    def renamed(name: str) -> str:
        return names.get(name, name)

    changes: dict[str, Any] = {
        part: renamed(getattr(profile, part)) for part in (*ROLES, "fable", "subagent", "default")
    }
    for part in ("models", "fallbacks"):
        changes[part] = tuple(map(renamed, getattr(profile, part)))
    routes: dict[str, Any] = {route: renamed(name) for route, name in profile.routes.models.items()}
    return replace(profile, **changes, routes=replace(profile.routes, **routes))


def _is_own(model: Model) -> bool:
    """Whether Anthropic itself serves a model: others speak its format at addresses of their own."""
    elsewhere = ("api_base", "base_url", "custom_llm_provider", "litellm_credential_name")  # it may have an address
    return model.provider == "anthropic" and not any(name in model.params for name in elsewhere)


def _twin(model: Model) -> Model:
    own = model.info.get("run_claude")
    info = {**model.info, "run_claude": {**(own if isinstance(own, dict) else {}), "subscription": True}}
    info["disable_background_health_check"] = True  # a check brings no login, and would fail
    params = {name: value for name, value in model.params.items() if name != "api_key"}
    description = "with the login of Claude Code, without a key"
    return replace(
        model,
        name=f"plan-{model.name}",
        params=params,
        info=info,
        needs=(),
        uses=(),
        others=(),
        description=description,
    )
