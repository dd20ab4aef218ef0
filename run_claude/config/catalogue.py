"""The catalogue of models and profiles: the built-in ones, overridden by the user's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from run_claude.config.builtin.models import builtin_models
from run_claude.config.builtin.profiles import builtin_profiles
from run_claude.config.litellm_variables import section_variables
from run_claude.config.model import Models, references
from run_claude.config.subscription import with_subscriptions
from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from run_claude.config.model import Model, Profile
    from run_claude.config.paths import Paths
    from run_claude.config.yamlfile import Document
    from run_claude.errors import RunClaudeError

__all__ = ["DEMO", "Catalogue", "load_catalogue"]

DEMO = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Models and profiles by name: the user's first, then the built-in ones.

    :param sections: the user's own parts of LiteLLM's configuration beside its models: ``litellm_settings``, …
    :param passed: the variables that the user wants handed over besides (``pass_env``)
    :param notes: what of the user's files is not used, and why
    """

    models: Mapping[str, Model]
    profiles: Mapping[str, Profile]
    sections: Mapping[str, Any] = field(default_factory=dict)
    passed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()

    def profile(self, name: str) -> Profile:
        """Return a profile.

        :raises UsageError: if none has this name
        """
        if name not in self.profiles:
            raise _unknown("profile", name, self.profiles, "profiles list")
        return self.profiles[name]

    def model(self, name: str) -> Model:
        """Return a model.

        :raises UsageError: if none has this name
        """
        if name not in self.models:
            raise _unknown("model", name, self.models, "models list")
        return self.models[name]

    @property
    def variables(self) -> frozenset[str]:
        """The variables that anything in LiteLLM's configuration reads."""
        return self.section_variables.union(*(model.variables for model in self.models.values()))

    @property
    def section_variables(self) -> frozenset[str]:
        """The variables that the configuration reads beside its models: named in it, or read by what it names."""
        return self.passed | section_variables(self.sections) | {name for name, _ in references(self.sections)}

    def serves(self, name: str, is_set: Callable[[str], bool]) -> bool:
        """Whether there is a model of this name, by itself or by a wildcard, and its variables are set."""
        return name in self.models and not self.models[name].missing(is_set)

    def missing(self, profile: Profile, is_set: Callable[[str], bool]) -> dict[str, tuple[str, ...]]:
        """Return the models of a profile that cannot be used, each with its missing variables."""
        lacking = {name: self.models[name].missing(is_set) for name in profile.served}
        return {name: names for name, names in lacking.items() if names}

    def usable(self, profile: Profile, is_set: Callable[[str], bool]) -> bool:
        """Whether all models of a profile can be used; it may do without those of routes and fallbacks."""
        return not self.missing(profile, is_set).keys() - profile.spare

    def first_usable(self, is_set: Callable[[str], bool]) -> Profile | None:
        """Return the first profile that needs keys and has them all; ``None`` if there is none."""
        for profile in self.profiles.values():
            wants_a_key = any(self.models[name].needs for name in profile.served)
            if wants_a_key and self.usable(profile, is_set):
                return profile
        return None


def load_catalogue(paths: Paths) -> Catalogue:
    """Return the catalogue. A name in the user's files overrides a built-in one; ``null`` removes it.

    :raises ConfigError: with file, line and key, if an entry cannot be used
    """
    rows, profiles = builtin_models(), builtin_profiles()
    sections: Mapping[str, Any] = {}
    passed: frozenset[str] = frozenset()
    notes: list[str] = []
    from run_claude.config.yamlfile import read_document

    models_document = read_document(paths.models_file)
    if models_document is not None:
        from run_claude.config.user_models import user_models

        own = user_models(models_document)
        rows, sections, passed = _over(own.models, rows), own.sections, own.passed
        notes += own.notes
    models = Models(rows)
    profiles = {name: found for name, profile in profiles.items() if (found := _without(profile, models))}
    for path in (paths.profiles_file, paths.config / "user.profiles.yaml"):  # the second is a legacy file
        if (document := read_document(path)) is not None:
            over, unused = _read_profiles(document, profiles, models)
            profiles = _over(over, profiles)
            notes += unused
    models, profiles = with_subscriptions(models, profiles)
    return Catalogue(models=models, profiles=profiles, sections=sections, passed=passed, notes=tuple(notes))


def _read_profiles(
    document: Document, profiles: Mapping[str, Profile], models: Mapping[str, Model]
) -> tuple[Mapping[str, Profile | None], list[str]]:
    from run_claude.config.legacy import is_legacy, legacy_profiles
    from run_claude.config.user_profiles import user_profiles

    if is_legacy(document):
        return legacy_profiles(document, models)
    return user_profiles(document, profiles, models), []


def _over(own: Mapping[str, Any], builtin: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value for name, value in {**own, **{k: v for k, v in builtin.items() if k not in own}}.items() if value
    }


def _without(profile: Profile, models: Mapping[str, Model]) -> Profile | None:
    """Return a built-in profile without the models that the user has removed; ``None`` if none is left."""
    if all(name in models for name in profile.served):
        return profile
    changes: dict[str, Any] = {
        part: "" for part in ("opus", "sonnet", "haiku", "fable", "subagent") if getattr(profile, part) not in models
    }
    for part in ("models", "fallbacks"):
        changes[part] = tuple(name for name in getattr(profile, part) if name in models)
    gone: dict[str, Any] = {route: "" for route, name in profile.routes.models.items() if name not in models}
    changes["routes"] = replace(profile.routes, **gone)
    left = replace(profile, **changes)
    return left if left.role("opus") else None


def _unknown(kind: str, name: str, known: Iterable[str], command: str) -> RunClaudeError:
    from difflib import get_close_matches

    close = get_close_matches(name, list(known), n=3)
    meant = f"Did you mean {' or '.join(close)}? " if close else ""
    return caused(
        f"unknown-{kind}",
        f"There is no {kind} {name!r}.",
        help=f"{meant}`run-claude {command}` lists the {kind}s.",
        facts={kind: name, "close": close},
    )
