"""What a client's request may not say: where it goes, as whom, and by which of LiteLLM's own settings.

LiteLLM takes its own parameters from a request's body as well, before a deployment's: with `custom_llm_provider` or
`aws_region_name`, a provider's key would go to another host. It refuses some of them (`api_base`, `user_config`); for
clients, the guard's word (boot/guard.py), all are refused but those that choose nothing of the kind. Knows no LiteLLM.
"""

from __future__ import annotations

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
# Not among LiteLLM's own, and sent on as they are.
_HEADERS = frozenset({"extra_headers", "default_headers", "extra_query", "litellm_params", "litellm_embedding_config"})


def is_limited(headers: Mapping[str, str]) -> bool:
    """Whether a request is not the administrator's."""
    return headers.get(SPEAKER, "admin") != "admin"


def refused(body: Mapping[str, Any], own: Collection[str]) -> str:
    """Return the first parameter that a client's body may not have; empty if there is none.

    :param own: the names of LiteLLM's own parameters
    """
    return next((name for name in _names(body) if name in _HEADERS or (name in own and name not in _RIGHTLY)), "")


def _names(body: Mapping[str, Any]) -> Iterator[str]:
    """Yield the parameters of a body, and those that are put among them later."""
    yield from body
    inner = body.get("extra_body")
    if isinstance(inner, dict):
        yield from _names(inner)
    fallbacks = body.get("fallbacks")
    for one in fallbacks if isinstance(fallbacks, list) else ():
        if isinstance(one, dict):
            yield from (name for name in one if name != "messages")
