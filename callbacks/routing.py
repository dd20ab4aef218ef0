"""Where a request goes: a profile's tier, one of its routes, or the model that it names; and why.

Pure, and of this one file alone: the proxy decides with it, and `run-claude profiles show` explains with it. A profile
is plain data, as the proxy reads it (`run_claude/deploy/routing.py` writes it):

    tiers      {opus, sonnet, haiku, fable: MODEL}
    models     [MODEL…]: what else a request may name
    routes     {background, think, web_search, image: MODEL; long_context: {over: TOKENS, model: MODEL}}
    fallbacks  [MODEL…]: tried in turn when a provider refuses

A request is one of messages, of chat completions or of `/v1/responses`.
"""

from __future__ import annotations

import marshal
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["ROUTES", "TIERS", "Decision", "Unserved", "decide", "tier_of", "tokens"]

TIERS = ("opus", "sonnet", "haiku", "fable")
ROUTES = ("long_context", "image", "web_search", "background", "think")  # in this order: the first that fits counts

_INSTEAD = {"fable": ("fable", "opus"), "opus": ("opus",), "sonnet": ("sonnet",), "haiku": ("haiku",)}
# Anthropic's own names, also dated, and as the clouds have them: claude-opus-4-8, claude-3-5-haiku-20241022,
# us.anthropic.claude-opus-4-20250514-v1:0. What only resembles them (bedrock-claude-opus-5-5) is a model's own name.
_CLAUDE = re.compile(
    r"(?:[a-z]{2,7}\.)?(?:anthropic[./])?claude-(?:\d+(?:[.-]\d+)*-)?(opus|sonnet|haiku|fable)"
    r"(?:[-@:.](?:v?\d[\d.]*|latest|preview|fast|thinking))*"
)
_WINDOW = "[1m]"  # Claude Code's mark for a window of a million tokens
_BYTES = 3.5  # of a token: 4 in prose, 3 in code
_IMAGES = frozenset({"image", "image_url", "input_image"})
_IMAGE = 1600  # tokens of an image, at most
_SOUND = 200  # bytes of sound in base64, for a token: a second is 5 kB or more, and up to 32 tokens
_PAGES = 45  # bytes of a PDF in base64, for a token: a page is about 100 kB and 2,000 tokens


@dataclass(frozen=True, slots=True)
class Decision:
    """A request's model, why it is that one, and what to try when it refuses.

    :param tier: the tier that was asked for; empty where a model was
    :param route: the route that was taken; empty if none was
    """

    model: str
    why: str
    tier: str = ""
    route: str = ""
    fallbacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unserved:
    """No model has this name: what the client is told."""

    message: str


def tier_of(name: str) -> str:
    """Return the tier that a name of Claude's stands for: `opus`, `claude-opus-4-8`, `sonnet[1m]`; empty for others."""
    bare = name.removesuffix(_WINDOW).lower()
    if bare in TIERS:
        return bare
    found = _CLAUDE.fullmatch(bare)
    return found[1] if found else ""


def decide(
    name: str,
    profile: Mapping[str, Any],
    request: Mapping[str, Any],
    *,
    profile_name: str,
    named: bool,
    serves: Callable[[str], bool],
) -> Decision | Unserved:
    """Return where a request goes.

    Its name is looked for among the profile's models, then among Claude's names, then among all that the proxy serves.
    Whoever names no profile means a model by its name first.

    :param name: the model that the request asks for
    :param named: whether the request itself names the profile
    :param serves: whether the proxy has a model of this name
    """
    tiers: Mapping[str, str] = profile.get("tiers") or {}
    known = {name, name.removesuffix(_WINDOW)}
    tier = tier_of(name)
    model = next((tiers[other] for other in _INSTEAD.get(tier, ()) if tiers.get(other)), "")
    own = next((one for one in known if one in tiers.values() or one in (profile.get("models") or ())), "")
    foreign = "" if own or (named and model) else next((one for one in known if serves(one)), "")
    if own or foreign:
        tier, model = (_tier_served_by(own, tiers), own) if own else ("", foreign)
        why = f"profile {profile_name} has this model" if own else "the proxy serves this model"
    elif model:
        why = f"{tier} of profile {profile_name}"
        if tier == "fable" and not tiers.get("fable"):
            why = f"profile {profile_name} has no fable; this is its opus"
    else:
        return Unserved(_unserved(name, profile_name, profile))
    if foreign:
        return Decision(model, why)
    route, because = _route(profile.get("routes") or {}, tier, tiers, request) if tier else ("", "")
    if route:
        chosen = profile["routes"][route]
        model = chosen["model"] if route == "long_context" else chosen
        why = f"route {route}: {because}"
    fallbacks = tuple(other for other in profile.get("fallbacks") or () if other != model)
    return Decision(model, why, tier, route, fallbacks)


def _tier_served_by(model: str, tiers: Mapping[str, str]) -> str:
    """Return the tier of a model; where it serves several, the strongest."""
    return next((tier for tier in ("fable", "opus", "sonnet", "haiku") if tiers.get(tier) == model), "")


def _unserved(name: str, profile_name: str, profile: Mapping[str, Any]) -> str:
    tiers: Mapping[str, str] = profile.get("tiers") or {}
    served = [f"{tier} ({tiers[tier]})" for tier in TIERS if tiers.get(tier)]
    served += [model for model in profile.get("models") or () if model not in tiers.values()]
    return f"There is no model {name!r}. Profile {profile_name} has {', '.join(served) or 'none whose key is set'}."


# --- routes -----------------------------------------------------------------------------------------------------------


def _route(
    routes: Mapping[str, Any], tier: str, tiers: Mapping[str, str], request: Mapping[str, Any]
) -> tuple[str, str]:
    """Return the route that a request takes, and what of it decides that; empty if none fits."""
    for route in ROUTES:
        if route in routes and (because := _REASONS[route](routes[route], tier, tiers, request)):
            return route, because
    return "", ""


def _is_long(route: Any, _tier: str, _tiers: Mapping[str, str], request: Mapping[str, Any]) -> str:
    size = tokens(request)
    return f"about {size:,} tokens, over {route['over']:,}" if size > route["over"] else ""


def _has_image(_route: Any, _tier: str, _tiers: Mapping[str, str], request: Mapping[str, Any]) -> str:
    return "an image in this turn" if any(map(_holds_image, _this_turn(request))) else ""


def _searches(_route: Any, _tier: str, _tiers: Mapping[str, str], request: Mapping[str, Any]) -> str:
    types = [str(tool.get("type")) for tool in _list(request, "tools") if isinstance(tool, dict)]
    found = any(kind.startswith("web_search") for kind in types)
    return "the web is to be searched" if found else ""


def _is_background(_route: Any, tier: str, tiers: Mapping[str, str], request: Mapping[str, Any]) -> str:
    """Titles, summaries of pages and the like are asked of haiku, without tools; sub-agents have tools."""
    return "haiku, without tools" if tier == "haiku" and not request.get("tools") else ""


def _thinks(_route: Any, _tier: str, _tiers: Mapping[str, str], request: Mapping[str, Any]) -> str:
    thinking = request.get("thinking")
    if isinstance(thinking, dict):
        return "thinking is on" if thinking.get("type") in ("adaptive", "enabled") else ""
    reasoning = request.get("reasoning")  # of /v1/responses; a chat completion has the effort alone
    effort = reasoning.get("effort") if isinstance(reasoning, dict) else request.get("reasoning_effort")
    return "thinking is on" if isinstance(effort, str) and effort not in ("", "none", "minimal") else ""


_REASONS: dict[str, Callable[[Any, str, Mapping[str, str], Mapping[str, Any]], str]] = {
    "long_context": _is_long,
    "image": _has_image,
    "web_search": _searches,
    "background": _is_background,
    "think": _thinks,
}


def _this_turn(request: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Yield the user's contents since the model's last answer that ended without a tool call."""
    called = False  # by the item behind: in /v1/responses, calls are items of their own
    for message in reversed(_said(request)):
        if not isinstance(message, dict):
            continue
        content = message.get("content")
        kind = str(message.get("type"))
        if message.get("role") == "assistant":
            last = content[-1] if isinstance(content, list) and content else None
            called = called or bool(message.get("tool_calls"))
            if not (called or (isinstance(last, dict) and last.get("type") == "tool_use")):
                return
            called = False
        elif kind.endswith("_call"):
            called = True
        elif isinstance(found := message.get("output") if kind.endswith("_output") else content, list):
            yield found


def _holds_image(content: list[Any]) -> bool:
    for block in content:
        if not isinstance(block, dict):
            continue
        kind = block.get("type")
        if kind in _IMAGES:
            return True
        if kind == "tool_result" and isinstance(inner := block.get("content"), list) and _holds_image(inner):
            return True
    return False


def _said(request: Mapping[str, Any]) -> list[Any]:
    """Return the conversation: of `/v1/responses` it is called `input`."""
    return _list(request, "messages") or _list(request, "input")


def _list(request: Mapping[str, Any], name: str) -> list[Any]:
    value = request.get(name)
    return value if isinstance(value, list) else []


# --- size -------------------------------------------------------------------------------------------------------------


def tokens(request: Mapping[str, Any]) -> int:
    """Return about how many tokens a request has. Texts are measured, not read: 0.2 ms for 200 kB."""
    size = _bytes(request.get("system")) + _bytes(request.get("instructions"))
    if isinstance(said := request.get("input"), str):
        size += _bytes(said)
    for message in _said(request):
        if not isinstance(message, dict):
            size += _bytes(message)
            continue
        for part in ("content", "arguments", "output", "input"):  # the latter of calls and results of /v1/responses
            size += _bytes(message.get(part))
        if calls := message.get("tool_calls"):
            size += _size(calls)
    if tools := request.get("tools"):
        size += _size(tools)
    return int(size / _BYTES)


def _size(value: Any) -> int:
    try:
        return len(marshal.dumps(value, 2))  # 2: what is there twice counts twice
    except ValueError:  # something in it is no JSON
        return len(str(value))


def _bytes(content: Any) -> float:
    """Return the bytes of a content's text, and those that an image or a document is worth."""
    if isinstance(content, str):
        return len(content) if content.isascii() else len(content.encode(errors="replace"))
    if not isinstance(content, list):
        return 0
    size = 0.0
    for block in content:
        if not isinstance(block, dict):
            size += _bytes(block)
        elif isinstance(text := block.get("text") or block.get("content"), str | list):
            size += _bytes(text)
        else:
            size += _other(block)
    return size


def _other(block: Mapping[str, Any]) -> float:
    match block.get("type"):
        case "tool_use":
            return _size(block.get("input"))
        case "thinking":
            return _bytes(block.get("thinking"))
        case "image" | "image_url" | "input_image":
            return _IMAGE * _BYTES
        case "document":
            source = _within(block, "source")
            text = source.get("content") if source.get("type") == "content" else source.get("data")
            return _bytes(text) if source.get("type") in ("content", "text") else _document(text)
        case "file":
            return _document(_within(block, "file").get("file_data"))
        case "input_file":
            return _document(block.get("file_data"))
        case "input_audio":
            return len(str(_within(block, "input_audio").get("data"))) / _SOUND * _BYTES
        case _:
            return 0


def _document(data: Any) -> float:
    """Return the bytes that a document in base64 is worth: it is a PDF, where it does not say that it is a text."""
    if not isinstance(data, str):
        return 0
    return len(data) * 0.75 if data.startswith("data:text/") else len(data) / _PAGES * _BYTES


def _within(block: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = block.get(name)
    return value if isinstance(value, dict) else {}
