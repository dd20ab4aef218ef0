"""What a model can: from its deployment's `model_info` (models.yaml), then from what is known here, then from the price
table of LiteLLM. Knows no LiteLLM: the table is given.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Abilities", "abilities_of", "nearest"]

_STRENGTH = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_USUAL = ("low", "medium", "high")
# What the price table does not say, tried at the provider or read in its documentation. The first that fits counts.
_EFFORTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("groq", r"gpt-oss", _USUAL),
    ("groq", r"qwen", ("none", "default")),
    ("groq", r"", ()),
    ("cerebras", r"gpt-oss", _USUAL),
    ("cerebras", r"", ()),
    ("hosted_vllm", r"", _USUAL),
    ("lm_studio", r"", _USUAL),
    ("together_ai", r"gpt-oss", _USUAL),
    ("openrouter", r"", ("none", "minimal", "low", "medium", "high", "xhigh", "max")),
)
_FLAGS = {
    "none": "supports_none_reasoning_effort",
    "minimal": "supports_minimal_reasoning_effort",
    "low": "supports_low_reasoning_effort",
    "xhigh": "supports_xhigh_reasoning_effort",
    "max": "supports_max_reasoning_effort",
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """What a model takes; ``None`` is not known: what a request has is left as it is.

    ``context`` and ``output`` are in tokens; ``efforts`` empty is none at all.
    """

    context: int | None = None
    output: int | None = None
    efforts: tuple[str, ...] | None = None
    sees: bool | None = None
    reads: bool | None = None
    thinks: bool | None = None


def abilities_of(provider: str, model: str, info: Mapping[str, Any], table: Mapping[str, Any]) -> Abilities:
    """Return what a model can.

    :param info: its deployment's `model_info`
    :param table: the price table, by a model's name
    """
    entry = next((table[name] for name in _names(provider, model, info) if isinstance(table.get(name), dict)), None)
    known = entry or {}
    output = _number(info, known, "max_output_tokens") or _number(info, known, "max_tokens")
    context = _number(info, known, "max_input_tokens")
    if output and context and output == context and "max_output_tokens" not in info and provider == "hosted_vllm":
        output = None
    return Abilities(
        context=context,
        output=output,
        efforts=_efforts(provider, model, info, entry),
        sees=_flag(info, entry, "supports_vision"),
        reads=_flag(info, entry, "supports_pdf_input"),
        thinks=_flag(info, entry, "supports_reasoning"),
    )


def nearest(effort: str, efforts: tuple[str, ...]) -> str | None:
    """Return the effort that a model takes in an effort's place: the next stronger, else its strongest; or none."""
    if effort in efforts:
        return effort
    if effort == "none" or not efforts:
        return None
    if "default" in efforts:
        return "default"
    ranked = [level for level in _STRENGTH[1:] if level in efforts]
    if effort not in _STRENGTH or not ranked:
        return ranked[-1] if ranked else None
    return next((level for level in ranked if _STRENGTH.index(level) >= _STRENGTH.index(effort)), ranked[-1])


def _names(provider: str, model: str, info: Mapping[str, Any]) -> Iterator[str]:
    if base := info.get("base_model"):
        yield str(base)
        yield str(base).partition("/")[2]
    yield f"{provider}/{model}"
    yield model
    if provider == "openrouter":  # the vendor's own model: anthropic/claude-opus-5.5 is claude-opus-5-5
        name = model.rpartition("/")[2].partition(":")[0]
        yield name
        yield name.replace(".", "-")
        yield f"{model.partition('/')[0]}/{name}"


def _number(info: Mapping[str, Any], entry: Mapping[str, Any], name: str) -> int | None:
    value = info.get(name) or entry.get(name)
    try:
        return int(value) or None  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def _flag(info: Mapping[str, Any], entry: Mapping[str, Any] | None, name: str) -> bool | None:
    """Return what is said of a model; what the table does not say of a model that it has, that one cannot."""
    value = info.get(name)
    if isinstance(value, bool):
        return value
    return None if entry is None else bool(entry.get(name))


def _efforts(
    provider: str, model: str, info: Mapping[str, Any], entry: Mapping[str, Any] | None
) -> tuple[str, ...] | None:
    for source in (info, None, entry or {}):
        if source is None:
            for name, pattern, efforts in _EFFORTS:
                if name == provider and re.search(pattern, model):
                    return efforts
        elif isinstance(levels := source.get("reasoning_effort_levels"), list):
            return tuple(map(str, levels))
    if entry is None:
        return None
    if not entry.get("supports_reasoning"):
        return ()
    if not any(flag in entry for flag in _FLAGS.values()):
        return None
    opt_out = {"low", "minimal"} if provider.startswith("azure") else {"none", "low", "minimal"}
    found = {"medium", "high"}
    found |= {level for level, flag in _FLAGS.items() if entry.get(flag) or (level in opt_out and flag not in entry)}
    return tuple(level for level in _STRENGTH if level in found)
