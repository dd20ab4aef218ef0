"""Models and profiles, as values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["INLINE", "REFERENCE", "ROLES", "ROUTES", "Model", "Models", "Profile", "Routes", "references"]

# `os.environ/NAME` is LiteLLM's syntax: the value never gets into the generated file. `${NAME}` and `${NAME:-default}`
# are replaced when it is generated: for addresses, regions and model ids, which are not secret.
REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
INLINE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")

ROLES = ("opus", "sonnet", "haiku")
ROUTES = ("background", "think", "web_search", "image", "long_context")
_INSTEAD = {
    "opus": ("opus", "sonnet", "haiku"),
    "sonnet": ("sonnet", "opus", "haiku"),
    "haiku": ("haiku", "sonnet", "opus"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that LiteLLM can serve.

    :param params: LiteLLM's ``litellm_params``
    :param needs: groups of variables; at least one of each group must be set
    :param uses: optional variables; a parameter that refers to an unset one is left out
    :param compat: the settings for ``callbacks/provider_compat``
    :param row: what its row in LiteLLM's list has beside: limits such as ``rpm`` and ``tpm``
    :param others: further rows of the same name: LiteLLM shares the load between those whose keys are set
    :param source: ``built-in``, or file and line
    """

    name: str
    params: Mapping[str, Any]
    description: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    uses: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    compat: bool | Mapping[str, Any] | None = None
    row: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[Model, ...] = ()
    source: str = "built-in"

    @property
    def id(self) -> str:
        """LiteLLM's name of the model: ``provider/model``."""
        return str(self.params["model"])

    @property
    def provider(self) -> str:
        """LiteLLM's name of the provider."""
        return self.id.partition("/")[0]

    @property
    def rows(self) -> tuple[Model, ...]:
        """Its rows in LiteLLM's list: this one, and the others."""
        return (self, *self.others)

    @property
    def variables(self) -> frozenset[str]:
        """The variables that its rows read."""
        names = (name for row in self.rows for group in (*row.needs, row.uses) for name in group)
        return frozenset(names)

    def missing(self, is_set: Callable[[str], bool]) -> tuple[str, ...]:
        """Return the missing variables: ``NAME``, or ``NAME or OTHER``; none if one of its rows can be used."""
        lacking = [tuple(" or ".join(group) for group in row.needs if not any(map(is_set, group))) for row in self.rows]
        return min(lacking, key=len)

    def usable_rows(self, is_set: Callable[[str], bool]) -> tuple[Model, ...]:
        """Return its rows whose variables are set."""
        return tuple(row for row in self.rows if not replace(row, others=()).missing(is_set))

    @property
    def is_wildcard(self) -> bool:
        """Whether it stands for every model whose name fits: ``anthropic/*``, ``*``."""
        return "*" in self.name


class Models(Mapping[str, Model]):
    """Models by name. A name that has no row is served by the wildcard that fits it best, as LiteLLM does it.

    Iterating yields the rows only: what a wildcard serves is not known beforehand.
    """

    def __init__(self, rows: Mapping[str, Model]) -> None:
        self._rows = dict(rows)
        wildcards = [model for model in rows.values() if model.is_wildcard]
        self._wildcards = sorted(wildcards, key=lambda model: len(model.name), reverse=True)  # the most specific first

    def __getitem__(self, name: str) -> Model:
        if (row := self._rows.get(name)) is not None:
            return row
        for model in self._wildcards:
            if found := _fitting(model.name, name):
                return _filled(model, name, found)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


def _fitting(pattern: str, name: str) -> tuple[str, ...]:
    """Return what stands for each ``*`` in a name; nothing if it does not fit, or is itself a pattern."""
    expression = "(.+)".join(re.escape(part) for part in pattern.split("*"))
    found = None if "*" in name else re.fullmatch(expression, name)
    return found.groups() if found else ()


def _filled(model: Model, name: str, found: tuple[str, ...]) -> Model:
    """Return the model of this name, as the wildcard serves it."""
    first, *rest = model.id.split("*")
    id = first + "".join(found[min(index, len(found) - 1)] + part for index, part in enumerate(rest))
    return replace(model, name=name, params={**model.params, "model": id}, others=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Models for kinds of requests, whatever role they ask for; empty where a kind has none of its own.

    :param long_context: the model for requests of more than ``over`` tokens
    """

    background: str = ""
    think: str = ""
    web_search: str = ""
    image: str = ""
    long_context: str = ""
    over: int = 0

    @property
    def models(self) -> dict[str, str]:
        """The models by route, of those that there are."""
        return {route: model for route in ROUTES if (model := str(getattr(self, route)))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A choice of models: which one serves which role.

    :param fable: the tier above opus; empty if there is none
    :param subagent: the model of all sub-agents; empty to leave it to their definitions
    :param default: the role or model that Claude Code starts with; empty to leave it to Claude Code
    :param models: further models to serve
    :param routes: models for kinds of requests
    :param fallbacks: what to try in turn when a model refuses
    :param env: further variables for the client
    :param subscription: Anthropic's own models are used with the login of Claude Code, without a key
    """

    name: str
    opus: str = ""
    sonnet: str = ""
    haiku: str = ""
    fable: str = ""
    subagent: str = ""
    default: str = ""
    models: tuple[str, ...] = ()
    routes: Routes = field(default_factory=Routes)
    fallbacks: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    subscription: bool = False
    description: str = ""
    source: str = "built-in"

    def role(self, role: str) -> str:
        """Return the model for a role or, if that is not set, for the nearest role that is."""
        return next((name for other in _INSTEAD[role] if (name := str(getattr(self, other)))), "")

    @property
    def served(self) -> tuple[str, ...]:
        """The models that it names, without duplicates."""
        names = [self.role(role) for role in ROLES] + [self.fable, self.subagent, *self.models]
        if self.default not in ROLES:
            names.append(self.default)
        names += [*self.routes.models.values(), *self.fallbacks]
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def spare(self) -> frozenset[str]:
        """Those of its models without which it still works: the routes' and the fallbacks' own."""
        further = {*self.routes.models.values(), *self.fallbacks}
        return frozenset(further - set(replace(self, routes=Routes(), fallbacks=()).served)) if further else frozenset()


def references(value: Any) -> Iterator[tuple[str, bool]]:
    """Yield each variable that a value refers to, at any depth, and whether it must be set."""
    match value:
        case str():
            if reference := REFERENCE.fullmatch(value):
                yield reference[1], True
            for inline in INLINE.finditer(value):
                yield inline[1], inline[2] is None
        case dict():
            for item in value.values():
                yield from references(item)
        case list() | tuple():
            for item in value:
                yield from references(item)
        case _:
            return
