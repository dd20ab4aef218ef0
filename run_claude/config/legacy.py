"""Legacy file formats: profiles without the `profiles` heading.

Installations of earlier releases have such files, made from their examples. They are read unchanged and, as then,
leniently: a profile keeps the models that exist.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from run_claude.config.model import Profile

if TYPE_CHECKING:
    from collections.abc import Container

    from run_claude.config.yamlfile import Document

__all__ = ["is_legacy", "legacy_profiles"]

_ROLES = ("opus_model", "sonnet_model", "haiku_model")


def is_legacy(document: Document) -> bool:
    """Whether a profiles file has the legacy format."""
    if not isinstance(document.data, dict) or "profiles" in document.data:
        return False
    wanted = {"meta", *_ROLES}
    return any(isinstance(value, dict) and wanted & value.keys() for value in document.data.values())


def legacy_profiles(document: Document, models: Container[str]) -> dict[str, Profile]:
    """Return the profiles that name at least one known model."""
    found = {}
    for name, raw in document.data.items():
        if not isinstance(raw, dict) or not raw.get("model", True):
            continue  # `model: null` skipped an entry, in favour of one in a later file
        meta: Any = raw.get("meta", raw)
        if not isinstance(meta, dict):
            continue
        opus, sonnet, haiku = (_known(meta.get(key), models) for key in _ROLES)
        extended = raw.get("extended") or []
        profile = Profile(
            name=name,
            opus=opus,
            sonnet=sonnet,
            haiku=haiku,
            models=tuple(filter(None, (_known(item, models) for item in extended)))
            if isinstance(extended, list)
            else (),
            description=str(meta.get("name") or ""),
            source=document.where(name).rpartition(": ")[0],
        )
        if profile.role("opus"):
            found[name] = profile
    return found


def _known(name: Any, models: Container[str]) -> str:
    return name if isinstance(name, str) and name in models else ""
