"""What a local server says of its models: asked once, before the first request to each, and again after a while."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LocalModels"]

_ANSWERS_WITHIN = 2.0  # seconds; it is on this machine, or next to it
_HOLDS_FOR = 600.0  # seconds: a model of the same name may be pulled anew
_RETRY_AFTER = 30.0  # seconds, where nothing answered
_OLLAMA = ("ollama/", "ollama_chat/")


class LocalModels:
    """What Ollama says of a model, in the words of LiteLLM's price table."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}

    async def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is known of the model that a request goes to; nothing for one that is not Ollama's."""
        model = str(request.get("model") or "")
        provider = request.get("custom_llm_provider")
        if not model.startswith(_OLLAMA) and provider not in ("ollama", "ollama_chat"):
            return {}
        base = str(request.get("api_base") or "http://localhost:11434").rstrip("/")
        name = model.partition("/")[2] if model.startswith(_OLLAMA) else model
        until, known = self._known.get((base, name), (0.0, {}))
        if time.monotonic() < until:
            return known
        shown = await _show(base, name, request.get("api_key"))
        known = known if shown is None else _understood(shown)
        self._known[base, name] = (time.monotonic() + (_RETRY_AFTER if shown is None else _HOLDS_FOR), known)
        return known


async def _show(base: str, name: str, key: Any) -> Any:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    try:
        async with httpx.AsyncClient(timeout=_ANSWERS_WITHIN) as client:
            answer = await client.post(f"{base}/api/show", json={"model": name}, headers=headers)
            return answer.json() if answer.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None


def _understood(shown: Any) -> dict[str, Any]:
    if not isinstance(shown, dict):
        return {}
    found: dict[str, Any] = {}
    if isinstance(can := shown.get("capabilities"), list):
        found["supports_reasoning"] = "thinking" in can
        found["supports_vision"] = "vision" in can
    for name, value in (shown.get("model_info") or {}).items():
        if name.endswith(".context_length") and isinstance(value, int):
            found["max_input_tokens"] = value
    return found
