"""Legacy file formats: profiles without the `profiles` heading.

Installations of earlier releases have such files, made from their examples. They are read unchanged and, as then,
leniently: a profile keeps the models that exist. What is not used is said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from run_claude.config.model import Profile

if TYPE_CHECKING:
    from collections.abc import Container

    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["is_legacy", "legacy_profiles"]

_ROLES = ("opus_model", "sonnet_model", "haiku_model", "fable_model")
_KEYS = {"meta", "name", "extended", *_ROLES}
_SKIPPED = "model"  # `model: null` skipped an entry, in favour of one in a later file


def is_legacy(document: Document) -> bool:
    """Whether a profiles file has the legacy format: profiles by name, each of only these keys."""
    if not isinstance(document.data, dict) or "profiles" in document.data:
        return False
    profiles = [value for value in document.data.values() if isinstance(value, dict)]
    return any(value.keys() & {"meta", *_ROLES} or (value and value.keys() <= {*_KEYS, _SKIPPED}) for value in profiles)


def legacy_profiles(document: Document, models: Container[str]) -> tuple[dict[str, Profile], list[str]]:
    """Return the profiles that name at least one known model, and a note for each thing that is not used."""
    found: dict[str, Profile] = {}
    notes: list[str] = []
    for name, raw in document.data.items():
        if not isinstance(raw, dict) or not raw.get(_SKIPPED, True):
            continue
        meta: Any = raw.get("meta", raw)
        if not isinstance(meta, dict):
            notes.append(f"{document.where(name, 'meta')}: not used: it is no mapping.")
            continue
        keys: KeyPath = (name, "meta") if "meta" in raw else (name,)
        unused = [key for key in (*raw, *(meta if meta is not raw else ())) if key not in {*_KEYS, _SKIPPED}]
        roles = {role: _known(document, (*keys, role), meta.get(role), models, notes) for role in _ROLES}
        extended = _extended(document, name, raw, keys, meta, models, notes)
        profile = Profile(
            name=name,
            opus=roles["opus_model"],
            sonnet=roles["sonnet_model"],
            haiku=roles["haiku_model"],
            fable=roles["fable_model"],
            models=extended,
            description=str(meta.get("name") or ""),
            source=_place(document, name),
        )
        if not profile.role("opus") and (first := profile.fable or next(iter(extended), "")):
            profile = replace(profile, opus=first)
            notes.append(f"{document.where(name)}: names no opus, sonnet or haiku model: {first} serves them.")
        if profile.role("opus"):
            found[name] = profile
        else:
            notes.append(f"{document.where(name)}: not used: it names no model that exists.")
        notes += [f"{_place(document, name)}: {key} is not used." for key in unused]
    return found, notes


def _place(document: Document, name: str) -> str:
    """Return file and line of a profile."""
    return document.where(name).rpartition(": ")[0]


def _extended(
    document: Document,
    name: str,
    raw: dict[str, Any],
    keys: KeyPath,
    meta: dict[str, Any],
    models: Container[str],
    notes: list[str],
) -> tuple[str, ...]:
    """Return the further models, which stand in the profile or in its `meta`."""
    place: KeyPath = (name, "extended") if "extended" in raw else (*keys, "extended")
    extended = raw.get("extended", meta.get("extended")) or []
    if isinstance(extended, str):
        extended = [extended]
    if not isinstance(extended, list):
        notes.append(f"{document.where(*place)}: not used: it is no list.")
        return ()
    known = (_known(document, (*place, index), item, models, notes) for index, item in enumerate(extended))
    return tuple(filter(None, known))


def _known(document: Document, keys: KeyPath, name: Any, models: Container[str], notes: list[str]) -> str:
    """Return a model's name if it exists; says it if it does not."""
    if name is None or name == "":
        return ""
    if isinstance(name, str) and name in models:
        return name
    notes.append(f"{document.where(*keys)}: not used: there is no model {name!r}.")
    return ""
