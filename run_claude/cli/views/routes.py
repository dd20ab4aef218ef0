"""Where a profile's requests go, and why: what the proxy decides, for one request of each kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from run_claude.config.model import Profile

__all__ = ["SAMPLES", "Explained", "explained", "sample"]

_TOOL = {"name": "Read", "description": "Reads a file.", "input_schema": {"type": "object", "properties": {}}}
# A red square of 16 pixels: models refuse an image of one.
_PNG = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mP4z8BAEmIY1TCqYfhqAACQ+f8B8u7oVwAAAABJRU5ErkJggg=="
_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _PNG}}
_TIERS = ("opus", "sonnet", "haiku", "fable")
SAMPLES = (*_TIERS, "background", "think", "web_search", "image", "long_context")


@dataclass(frozen=True, slots=True)
class Explained:
    """Where one kind of request goes."""

    request: str
    model: str
    why: str
    fallbacks: tuple[str, ...]


def explained(profile: Profile, is_served: Callable[[str], bool]) -> list[Explained]:
    """Return where each kind of request goes; without the routes that the profile does not have."""
    from run_claude.deploy.routing import decide

    rows = []
    for kind in SAMPLES:
        if kind not in _TIERS and kind not in profile.routes.models:
            continue
        name, request = sample(kind, profile)
        found = decide(name, profile, request, is_served)
        if (model := getattr(found, "model", "")) == "":
            rows.append(Explained(kind, "", getattr(found, "message", ""), ()))
        else:
            rows.append(Explained(kind, model, getattr(found, "why", ""), getattr(found, "fallbacks", ())))
    return rows


def sample(kind: str, profile: Profile) -> tuple[str, Mapping[str, Any]]:
    """Return the name and the request of a kind, as Claude Code would send them, and no larger than it has to be.

    Claude Code asks for a tier by its model's name: where haiku is the same model as opus, nothing tells them apart.
    """
    words: Any = "Say hi."
    fields: dict[str, Any] = {"max_tokens": 256, "tools": [_TOOL]}
    match kind:
        case "background":
            del fields["tools"]
        case "think":
            fields |= {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048}
        case "web_search":
            fields["tools"] = [{"type": "web_search_20250305", "name": "web_search", "max_uses": 1}]
        case "image":
            words = [{"type": "text", "text": "Which colour is this?"}, _IMAGE]
        case "long_context":
            words = "Say hi. " * (profile.routes.over // 2 + 1)  # about two and a quarter tokens each
        case _:
            return kind, {**fields, "messages": [{"role": "user", "content": words}]}
    name = profile.role("haiku" if kind == "background" else "opus")
    return name, {**fields, "messages": [{"role": "user", "content": words}]}
