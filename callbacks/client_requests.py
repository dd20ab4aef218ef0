"""What a client's request may not say: where it goes, as whom, and by which of LiteLLM's own settings.

LiteLLM takes its own parameters from a request's body as well, before a deployment's: with `custom_llm_provider` or
`aws_region_name`, a provider's key would go to another host. It refuses some of them (`api_base`, `user_config`); for
clients, the guard's word (boot/guard.py), all are refused but those that choose nothing of the kind. Knows no LiteLLM.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

__all__ = ["SPEAKER", "is_limited", "refused"]

SPEAKER = "x-run-claude-speaker"
# Parameters of LiteLLM's that clients send rightly: they concern the answer, its waiting and its record.
_RIGHTLY = frozenset(
    {
        *("model", "metadata", "litellm_metadata", "fallbacks", "tags", "id", "roles", "order", "verbose", "ttl"),
        *("timeout", "stream_timeout", "request_timeout", "max_retries", "num_retries", "caching", "cache"),
        *("guardrails", "drop_params", "allowed_openai_params", "litellm_session_id", "litellm_trace_id", "no-log"),
        *("prompt_id", "prompt_label", "prompt_variables", "prompt_version", "vector_store_id", "stream_response"),
        *("enable_json_schema_validation", "merge_reasoning_content_in_choices", "enable_prompt_caching"),
        *("text_completion", "keepalive_seconds", "langfuse_prompt_version", "langsmith_sampling_rate"),
    }
)
# LiteLLM puts these into a request itself before it is looked at, and none of them chooses an address.
_RIGHTLY |= {"litellm_call_id", "client_side_timeout", "api_version"}
# Not among LiteLLM's own parameters, and just as much its settings.
_SETTINGS = frozenset(
    {
        *("extra_headers", "default_headers", "extra_query", "litellm_params", "litellm_embedding_config"),
        *("router_settings_override", "context_window_fallbacks", "content_policy_fallbacks", "default_fallbacks"),
    }
)
# Each provider has addresses and credentials of its own among its parameters (`gigachat_auth_url`, `wx_credentials`).
_ADDRESS = re.compile(
    r"(?i)(.*_)?(url|uri|host|endpoint|base|proxy|regions?|region_name|location|zone|project|account(_id)?"
    r"|credentials?|secret|password|token|api_?key|key_id|auth)"
)
_NO_ADDRESS = frozenset(
    {"timings_per_token", "image_url", "video_url", "user_location"}
)  # what a model is to see or say


def is_limited(headers: Mapping[str, str]) -> bool:
    """Whether a request is not the administrator's."""
    return headers.get(SPEAKER, "admin") != "admin"


def refused(body: Mapping[str, Any], own: Collection[str]) -> str:
    """Return the first parameter that a client's body may not have; empty if there is none.

    :param own: the names of LiteLLM's own parameters
    """
    for name, value in _parameters(body):
        if name == "fallbacks" and not _names_models_only(value):
            return name
        if name in _RIGHTLY or name in _NO_ADDRESS:
            continue
        if name in _SETTINGS or name in own or _ADDRESS.fullmatch(name):
            return name
    return ""


def _parameters(body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the parameters of a body, and those that are put among them later."""
    yield from body.items()
    inner = body.get("extra_body")
    if isinstance(inner, dict):
        yield from _parameters(inner)


def _names_models_only(fallbacks: object) -> bool:
    """Whether fallbacks are models, and what they are told: LiteLLM puts all else over a deployment's parameters."""
    return not isinstance(fallbacks, list) or all(
        isinstance(one, str) or (isinstance(one, dict) and one.keys() <= {"model", "messages"}) for one in fallbacks
    )
