"""Read `profiles.yaml`: the user's profiles, checked key by key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from run_claude.config.checks import check_keys, mapping, strings, text
from run_claude.config.model import ROLES, Profile
from run_claude.config.user_routes import user_fallbacks, user_routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.config.model import Model
    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["user_profiles"]

_TEXTS = ("description", "opus", "sonnet", "haiku", "fable", "subagent", "default")
_KEYS = (*_TEXTS, "extends", "models", "routes", "fallbacks", "env", "subscription")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def user_profiles(
    document: Document, builtin: Mapping[str, Profile], models: Mapping[str, Model]
) -> dict[str, Profile | None]:
    """Return the user's profiles by name (``None`` removes one).

    :param builtin: the profiles that may be extended besides the user's; a profile that extends its own name extends
        the built-in one
    :raises ConfigError: with file, line and key, if an entry cannot be used
    """
    check_keys(document, (), ("profiles",))
    loader = _Loader(document, builtin, models)
    return {name: loader.load(name, ()) for name in mapping(document, ("profiles",))}


class _Loader:
    def __init__(self, document: Document, builtin: Mapping[str, Profile], models: Mapping[str, Model]) -> None:
        self.document = document
        self.raw = mapping(document, ("profiles",))
        self.builtin = builtin
        self.models = models
        self.loaded: dict[str, Profile | None] = {}

    def load(self, name: str, extending: tuple[str, ...]) -> Profile | None:
        """Return a profile, completed from the one that it extends.

        :param extending: the chain of profiles that extend this one, outermost first
        """
        if name not in self.loaded:
            self.loaded[name] = None if self.raw[name] is None else self._profile(name, extending)
        return self.loaded[name]

    def _profile(self, name: str, extending: tuple[str, ...]) -> Profile:
        document, keys = self.document, ("profiles", name)
        if not _NAME.fullmatch(name):
            raise document.error(
                keys, "a profile's name may contain only letters, digits, '.', '-' and '_'.", "Rename it."
            )
        raw = mapping(document, keys)
        check_keys(document, keys, _KEYS)
        base = self._base(name, extending)
        values: dict[str, Any] = {key: text(document, (*keys, key)) or getattr(base, key, "") for key in _TEXTS}
        own_models = tuple(strings(document, (*keys, "models")))
        profile = Profile(
            name=name,
            **values,
            models=own_models if "models" in raw else (base.models if base else ()),
            routes=user_routes(document, (*keys, "routes"), base.routes if base else None),
            fallbacks=user_fallbacks(document, (*keys, "fallbacks"), base.fallbacks if base else ()),
            env=dict(base.env if base else {}) | self._env((*keys, "env")),
            subscription=self._switch((*keys, "subscription"), base is not None and base.subscription),
            source=document.where(*keys).rpartition(": ")[0],
        )
        if not profile.role("opus"):
            raise document.error(
                keys, "the profile names no model.", "Add opus, sonnet and haiku, or extends: PROFILE."
            )
        self._check_models(profile, keys)
        return profile

    def _base(self, name: str, extending: tuple[str, ...]) -> Profile | None:
        keys: KeyPath = ("profiles", name, "extends")
        wanted = text(self.document, keys)
        if not wanted:
            return None
        chain = (*extending, name)
        if wanted in chain and not (wanted == name and wanted in self.builtin):
            circle = " → ".join([*chain[chain.index(wanted) :], wanted])
            raise self.document.error(
                keys,
                f"the profile extends itself: {circle}.",
                "Remove `extends` from one of them.",
                code="profile-cycle",
            )
        base = self.load(wanted, chain) if wanted in self.raw and wanted != name else self.builtin.get(wanted)
        if base is None:
            raise self.document.error(
                keys,
                f"there is no profile {wanted!r}.",
                f"Known profiles: {', '.join(sorted({*self.raw, *self.builtin} - {name}))}.",
                code="unknown-profile",
            )
        return base

    def _switch(self, keys: KeyPath, otherwise: bool) -> bool:
        value = mapping(self.document, keys[:-1]).get(str(keys[-1]), otherwise)
        if not isinstance(value, bool):
            raise self.document.error(keys, "neither true nor false.", "Write true or false.")
        return value

    def _env(self, keys: KeyPath) -> dict[str, str]:
        found = {}
        for name, value in mapping(self.document, keys).items():
            if not _VARIABLE.fullmatch(name):
                raise self.document.error((*keys, name), "not a variable name.", "Rename it.")
            if isinstance(value, dict | list) or value is None:
                raise self.document.error((*keys, name), "not a value for a variable.", "Write text or a number.")
            found[name] = str(int(value)) if isinstance(value, bool) else str(value)
        return found

    def _check_models(self, profile: Profile, keys: KeyPath) -> None:
        """Reject an unknown model, with the line of its role in this profile, if it is set there."""
        for part in (*ROLES, "fable", "subagent", "default"):
            name = getattr(profile, part)
            if name and name not in self.models and not (part == "default" and name in ROLES):
                raise self._no_model(name, (*keys, part))
        for part, names in (("models", profile.models), ("fallbacks", profile.fallbacks)):
            for index, name in enumerate(names):
                if name not in self.models:
                    raise self._no_model(name, (*keys, part, index))
        for route, name in profile.routes.models.items():
            if name not in self.models:
                inside = ("model",) if route == "long_context" else ()
                raise self._no_model(name, (*keys, "routes", route, *inside))

    def _no_model(self, name: str, keys: KeyPath) -> Exception:
        from difflib import get_close_matches

        close = get_close_matches(name, list(self.models), n=3)
        meant = f"Did you mean {' or '.join(close)}? " if close else ""
        return self.document.error(
            keys,
            f"there is no model {name!r}.",
            f"{meant}`run-claude models list` lists the models; your own go into models.yaml.",
            code="unknown-model",
        )
