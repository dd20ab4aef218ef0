"""Models and profiles, as values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["INLINE", "REFERENCE", "ROLES", "Model", "Profile", "references"]

# `os.environ/NAME` is LiteLLM's own: the value never comes into the file. `${NAME}` and `${NAME:-default}` are
# replaced when the file is generated: for addresses, regions and model ids, which are no secrets.
REFERENCE = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]*)")
INLINE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")

ROLES = ("opus", "sonnet", "haiku")
_INSTEAD = {
    "opus": ("opus", "sonnet", "haiku"),
    "sonnet": ("sonnet", "opus", "haiku"),
    "haiku": ("haiku", "sonnet", "opus"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model that LiteLLM can serve.

    :param params: LiteLLM's ``litellm_params``
    :param needs: variables without which it cannot work; of each group one is enough
    :param uses: variables that it works without; a parameter that refers to an unset one is left out
    :param compat: what ``callbacks/provider_compat`` has to know of it
    :param source: ``built-in``, or file and line
    """

    name: str
    params: Mapping[str, Any]
    description: str = ""
    needs: tuple[tuple[str, ...], ...] = ()
    uses: tuple[str, ...] = ()
    info: Mapping[str, Any] = field(default_factory=dict)
    compat: bool | Mapping[str, Any] | None = None
    source: str = "built-in"

    @property
    def id(self) -> str:
        """The model as LiteLLM names it: ``provider/model``."""
        return str(self.params["model"])

    @property
    def provider(self) -> str:
        """LiteLLM's provider."""
        return self.id.partition("/")[0]

    @property
    def variables(self) -> frozenset[str]:
        """Each variable that it reads."""
        return frozenset(name for group in self.needs for name in group) | frozenset(self.uses)

    def missing(self, is_set: Callable[[str], bool]) -> tuple[str, ...]:
        """Return what it lacks to work: ``NAME``, or ``NAME or OTHER``."""
        return tuple(" or ".join(group) for group in self.needs if not any(map(is_set, group)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Which model serves what.

    :param fable: the tier above opus; empty: there is none
    :param subagent: for all sub-agents; empty: each as its own definition says
    :param default: what Claude Code begins with: a role or a model; empty: its own choice
    :param models: served besides
    :param env: more variables for the client
    """

    name: str
    opus: str = ""
    sonnet: str = ""
    haiku: str = ""
    fable: str = ""
    subagent: str = ""
    default: str = ""
    models: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    source: str = "built-in"

    def role(self, role: str) -> str:
        """Return the model for a role; of those that are not set the nearest one that is."""
        return next((name for other in _INSTEAD[role] if (name := str(getattr(self, other)))), "")

    @property
    def served(self) -> tuple[str, ...]:
        """Each model that it names, once."""
        names = [self.role(role) for role in ROLES] + [self.fable, self.subagent, *self.models]
        if self.default not in ROLES:
            names.append(self.default)
        return tuple(dict.fromkeys(name for name in names if name))


def references(value: Any) -> Iterator[tuple[str, bool]]:
    """Yield each variable that a value refers to, however deep, and whether it has to be set."""
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
