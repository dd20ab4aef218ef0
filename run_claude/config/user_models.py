"""Read `models.yaml`: the user's models and LiteLLM settings, checked key by key."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from run_claude.config.checks import check_keys, mapping, strings, text, value_at
from run_claude.config.model import INLINE, REFERENCE, Model, references

if TYPE_CHECKING:
    from collections.abc import Iterator

    from run_claude.config.yamlfile import Document, KeyPath

__all__ = ["user_models"]

SECTIONS = ("litellm_settings", "router_settings", "general_settings")
_KEYS = ("description", "litellm_params", "model_info", "needs", "uses", "compat")
_IGNORED = ("allowed_fails", "cooldown_time")  # found in legacy lists, where they have no effect
_RESERVED = {"general_settings": ("master_key", "database_url")}  # set by run-claude, from .env
_MODEL_NAME = re.compile(r"[^\s\x00-\x1f\x7f]{1,200}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(r"(^|_)(keys?|tokens?|secret|password|credentials)($|_)", re.IGNORECASE)
_LONGEST_PLACEHOLDER = 15  # servers without keys get `none` or `sk-1234`; a real key is longer


def user_models(document: Document) -> tuple[dict[str, Model | None], dict[str, dict[str, Any]]]:
    """Return the user's models by name (``None`` removes one), and the sections for LiteLLM.

    :raises ConfigError: with file, line and key, if an entry cannot be used
    """
    top = mapping(document, ())
    check_keys(document, (), ("models", "model_list", *SECTIONS))
    models: dict[str, Model | None] = {**_model_list(document)}
    for name in mapping(document, ("models",)):
        keys: KeyPath = ("models", name)
        if not _MODEL_NAME.fullmatch(name):
            raise document.error(keys, "a model's name must not contain blanks.", "Rename it.")
        if name in models:
            raise document.error(keys, f"{name} is also in model_list.", "Remove one of them.", code="duplicate-name")
        models[name] = None if top["models"][name] is None else _model(document, keys, name)
    sections = {section: mapping(document, (section,)) for section in SECTIONS if top.get(section) is not None}
    for section, values in sections.items():
        for key in _RESERVED.get(section, ()):
            if key in values:
                raise document.error((section, key), "run-claude sets this from .env.", "Remove the line.")
        _check_no_key_inside(document, (section,), values)
    return models, sections


def _model_list(document: Document) -> dict[str, Model]:
    """Return the models of `model_list`, the format of LiteLLM's own configuration."""
    models: dict[str, Model] = {}
    rows = document.data.get("model_list") or []
    if not isinstance(rows, list):
        raise document.error(("model_list",), "model_list must be a list.", "Write its entries as `- model_name: …`.")
    for index in range(len(rows)):
        keys: KeyPath = ("model_list", index)
        name = text(document, (*keys, "model_name")) if mapping(document, keys) else ""
        if not _MODEL_NAME.fullmatch(name):
            raise document.error(keys, "model_name is missing or contains blanks.", "Add one without blanks.")
        if name in models:
            raise document.error(
                (*keys, "model_name"), f"{name} is defined twice.", "Rename one of them.", code="duplicate-name"
            )
        models[name] = _model(document, keys, name, more=("model_name", *_IGNORED))
    return models


def _model(document: Document, keys: KeyPath, name: str, *, more: tuple[str, ...] = ()) -> Model:
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
    _check_no_key_inside(document, (*keys, "litellm_params"), params)
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
    return Model(
        name=name,
        params=params,
        description=text(document, (*keys, "description")),
        needs=tuple(needs),
        uses=tuple(sorted(optional)),
        info=mapping(document, (*keys, "model_info")),
        compat=_compat(document, (*keys, "compat")) if "compat" in raw else None,
        source=document.where(*keys).rpartition(": ")[0],
    )


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


def _check_no_key_inside(document: Document, keys: KeyPath, value: Any) -> None:
    """Reject a key that is in the file, or would get into the generated file."""
    for path, leaf in _leaves(value, keys):
        if not _SECRET.search(str(path[-1])) or REFERENCE.fullmatch(leaf):
            continue
        if len(leaf) > _LONGEST_PLACEHOLDER or INLINE.search(leaf):
            raise document.error(
                path,
                "a key must not be in this file.",
                "Put it into .env as NAME=…, and write os.environ/NAME here.",
                code="key-in-config",
            )


def _leaves(value: Any, keys: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    match value:
        case str():
            yield keys, value
        case dict():
            for key, item in value.items():
                yield from _leaves(item, (*keys, key))
        case list():
            for index, item in enumerate(value):
                yield from _leaves(item, (*keys, index))
        case _:
            return
