"""Read `models.yaml`: the user's models and LiteLLM settings, checked key by key.

It is LiteLLM's own `config.yaml`, as people publish it, or run-claude's shorter `models:` by name; or both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from run_claude.config.checks import check_keys, mapping, strings, text, value_at
from run_claude.config.litellm_sections import LISTS, MAPPINGS, check_no_key_inside, sections
from run_claude.config.litellm_variables import provider_variables
from run_claude.config.model import Model, references
from run_claude.config.yamlfile import read_document

if TYPE_CHECKING:
    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["UserModels", "user_models"]

_TOP = ("models", "model_list", "include", "pass_env", *MAPPINGS, *LISTS)
_KEYS = ("description", "litellm_params", "model_info", "needs", "uses", "compat")
_LIMITS = ("rpm", "tpm")
_MOVED = (  # LiteLLM reads these in litellm_params only; beside it they had no effect
    "max_parallel_requests",
    "timeout",
    "stream_timeout",
    "max_retries",
    "weight",
    "order",
    "cooldown_time",
    "allowed_fails",
)
_LOGS_IN = ("github_copilot", "chatgpt")
_FILE_PARAMETERS = ("vertex_credentials", "vertex_ai_credentials")
_MODEL_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class UserModels:
    """What `models.yaml` has, with what it includes.

    :param models: by name; ``None`` removes a built-in one
    :param sections: LiteLLM's configuration beside its models
    :param passed: the variables to hand over besides (``pass_env``)
    :param notes: what is not used
    """

    models: dict[str, Model | None] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    passed: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def user_models(document: Document) -> UserModels:
    """Return the user's models and settings.

    :raises ConfigError: with file, line and key, if an entry cannot be used
    """
    documents = _with_included(document)
    found: dict[str, Any] = {}
    notes: list[str] = []
    for part in documents:
        notes += _unknown(part)
        for name, values in sections(part).items():
            # As LiteLLM includes: lists are joined, a mapping takes the place of the one before.
            found[name] = [*found[name], *values] if isinstance(values, list) and name in found else values
    given = frozenset(map(str, found.get("environment_variables", ())))
    models: dict[str, Model | None] = {}
    for part in documents:
        for name, row in _rows(part, given):
            first = models.get(name)
            models[name] = row if first is None else replace(first, others=(*first.others, row))
    for part in documents:
        for name in mapping(part, ("models",)):
            keys: KeyPath = ("models", name)
            if not _MODEL_NAME.fullmatch(name):
                raise part.error(keys, "a model's name must not contain blanks.", "Rename it.")
            if name in models:
                raise part.error(keys, f"{name} is also in model_list.", "Remove one of them.", code="duplicate-name")
            models[name] = None if value_at(part, keys) is None else _model(part, keys, name, given)
    passed = {name for part in documents for group in _variables(part, ("pass_env",)) for name in group}
    return UserModels(models, found, frozenset(passed), tuple(notes))


def _unknown(document: Document) -> list[str]:
    """Return a note for each unknown key at the top: often a place for anchors. One that resembles a key is a mistake.

    :raises ConfigError: with the key that was probably meant
    """
    from difflib import get_close_matches

    unknown = [key for key in mapping(document, ()) if key not in _TOP and not str(key).startswith(("x-", "_", "."))]
    if any(get_close_matches(str(key), _TOP, n=1) for key in unknown):
        check_keys(document, (), _TOP)
    return [f"{document.where(key)} is not used." for key in unknown]


def _with_included(document: Document) -> list[Document]:
    """Return a document and those that it includes, each once: their paths are relative to the file that has them."""
    documents, seen = [document], {document.path.resolve()}
    for part in documents:  # grows while it is read
        for index, name in enumerate(strings(part, ("include",))):
            path = part.path.parent / name
            if path.resolve() in seen:
                continue
            seen.add(path.resolve())
            if not path.exists():
                raise part.error(
                    ("include", index), f"{path} does not exist.", "Paths are relative to the file that includes them."
                )
            if (included := read_document(path)) is not None:
                documents.append(included)
    return documents


def _rows(document: Document, given: frozenset[str]) -> list[tuple[str, Model]]:
    """Return the rows of `model_list`, the format of LiteLLM's own configuration; a name may have several."""
    rows = value_at(document, ("model_list",)) or []
    if not isinstance(rows, list):
        raise document.error(("model_list",), "model_list must be a list.", "Write its entries as `- model_name: …`.")
    found = []
    for index in range(len(rows)):
        keys: KeyPath = ("model_list", index)
        name = text(document, (*keys, "model_name")) if mapping(document, keys) else ""
        if not _MODEL_NAME.fullmatch(name):
            raise document.error(keys, "model_name is missing or contains blanks.", "Add one without blanks.")
        found.append((name, _model(document, keys, name, given, more=("model_name", *_LIMITS, *_MOVED))))
    return found


def _model(document: Document, keys: KeyPath, name: str, given: frozenset[str], *, more: tuple[str, ...] = ()) -> Model:
    """Return a model.

    :param given: variables that the configuration itself sets: nothing has to be set for them
    :param more: the keys that it may have besides
    """
    raw = mapping(document, keys)
    check_keys(document, keys, (*_KEYS, *more))
    if not raw.get("litellm_params"):
        raise document.error(
            keys, "litellm_params is missing.", "Add it with a model: litellm_params: {model: openai/gpt-4o}."
        )
    params = mapping(document, (*keys, "litellm_params"))
    if not text(document, (*keys, "litellm_params", "model")):
        raise document.error(
            (*keys, "litellm_params"), "model is missing.", "Add model: PROVIDER/MODEL, with LiteLLM's names."
        )
    if (provider := str(params["model"]).partition("/")[0]) in _LOGS_IN:
        raise document.error(
            (*keys, "litellm_params", "model"),
            f"{provider} logs in through a browser and keeps its login in a file: not in a container.",
            f"Use a provider with a key, or a server of your own that speaks to {provider}, with its api_base.",
        )
    check_no_key_inside(document, (*keys, "litellm_params"), params)
    for key in _FILE_PARAMETERS:
        if isinstance(path := params.get(key), str) and not path.startswith(("os.environ/", "{", "$")):
            raise document.error(
                (*keys, "litellm_params", key),
                "LiteLLM's container cannot see this file.",
                f"Name it in .env, as VERTEXAI_CREDENTIALS={path}, and write os.environ/VERTEXAI_CREDENTIALS here.",
            )
    params = {key: raw[key] for key in _MOVED if key in raw} | params
    needs, optional = _needs_and_uses(document, keys, params)
    return Model(
        name=name,
        params=params,
        description=text(document, (*keys, "description")),
        needs=tuple(group for group in needs if not given.intersection(group)),
        uses=tuple(sorted(optional - given)),
        info=mapping(document, (*keys, "model_info")),
        compat=_compat(document, (*keys, "compat")) if "compat" in raw else None,
        row={key: raw[key] for key in _LIMITS if key in raw},
        source=document.where(*keys).rpartition(": ")[0],
    )


def _needs_and_uses(
    document: Document, keys: KeyPath, params: dict[str, Any]
) -> tuple[list[tuple[str, ...]], frozenset[str]]:
    """Return the groups of variables of which one must be set, and those that may be."""
    uses = _variables(document, (*keys, "uses"))
    # A variable in the model's id is never optional.
    essential = {variable for variable, required in references(params["model"]) if required}
    optional = frozenset(name for group in uses for name in group) - essential
    needs = list(_variables(document, (*keys, "needs")))
    named = optional.union(*needs) if needs else optional
    for variable, required in references(params):
        if variable not in named:
            if required:
                needs.append((variable,))
            else:
                optional |= {variable}
            named |= {variable}
    needed, may_be = provider_variables(params)
    needs += [group for group in needed if not named.intersection(group)]
    return needs, optional | (frozenset(may_be) - named)


def _compat(document: Document, keys: KeyPath) -> bool | dict[str, Any]:
    """Return the settings for `callbacks/provider_compat`: ``false``, or lists of fields."""
    if value_at(document, keys) is False:
        return False
    found = mapping(document, keys)
    check_keys(document, keys, ("like", "drop", "keep", "betas"))
    settings: dict[str, Any] = {"like": like} if (like := text(document, (*keys, "like"))) else {}
    return settings | {key: strings(document, (*keys, key)) for key in ("drop", "keep", "betas") if key in found}


def _variables(document: Document, keys: KeyPath) -> tuple[tuple[str, ...], ...]:
    """Return groups of variable names. ``A | B`` is a group, of which one must be set."""
    groups = []
    for index, item in enumerate(strings(document, keys)):
        group = tuple(name.strip() for name in item.split("|"))
        if not all(map(_VARIABLE.fullmatch, group)):
            raise document.error((*keys, index), "not a variable name.", "Write NAME, or NAME | OTHER.")
        groups.append(group)
    return tuple(groups)
