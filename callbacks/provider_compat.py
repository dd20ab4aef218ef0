"""Adapt requests to providers that refuse what Claude Code sends.

Runs after LiteLLM has chosen the deployment, and again on what it has translated for that deployment; so it goes by
provider, model and address, a fallback to another deployment gets the request as it came, and `/v1/messages`,
`/v1/chat/completions` and `/v1/responses` are all covered. It never breaks a request: on an error of its own the
request goes on unchanged, and a warning says why.

What a provider refuses is in provider_rules. A model says more in models.yaml (in LiteLLM's own configuration it is
`model_info.run_claude.compat`):

    compat:                     # `compat: false`: change nothing for this model
      like: groq                # the rules of this provider (or of `compatible`), whatever the real one is called
      drop: [reasoning_effort, tools.strict]
      keep: [cache_control]     # although the provider's rules would drop it
      betas: [interleaved-thinking-2025-05-14]  # the beta headers that may pass; [] is none

A field's name is that of a request's field, or one of these:

    cache_control             everywhere: request, system, messages, content blocks, tools
    cache_control.NAME        only that part of it: `ttl`, `scope`
    thinking_blocks           thinking, with its signatures
    redacted_thinking         only the redacted part of it
    reasoning_content         the text of earlier thinking, in chat messages
    provider_specific_fields  what LiteLLM keeps for another provider in messages and tool calls
    caller                    in tool calls
    tools.NAME                a field of tool definitions: `strict`, `input_examples`, `defer_loading`
    server_tools              tools that only Anthropic's servers can run: web search, code execution
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import litellm
from litellm._logging import verbose_proxy_logger as log
from litellm.integrations.custom_logger import CustomLogger

from callbacks import subscription
from callbacks.adaptation import adapt
from callbacks.local_models import LocalModels

if TYPE_CHECKING:
    from litellm.types.utils import CallTypes


class ProviderCompat(CustomLogger):
    """The callback."""

    def __init__(self) -> None:
        super().__init__()
        self._local = LocalModels()
        # As it is shipped: the router adds each deployment to LiteLLM's, with nothing said of what its model can.
        self._table = dict(litellm.model_cost)

    async def async_pre_call_deployment_hook(
        self, kwargs: dict[str, Any], call_type: CallTypes | None
    ) -> dict[str, Any] | None:
        """Return the request as the chosen deployment takes it, with the login of a subscription only where it is due.

        :raises AuthenticationError: if the deployment needs the login, and the request brings none
        """
        try:
            kwargs = subscription.settle(kwargs)
        except subscription.NoLogin as error:
            model = str(kwargs.get("model") or "")
            raise litellm.AuthenticationError(str(error), llm_provider="anthropic", model=model) from error
        try:
            learnt = await self._local.ask(kwargs)
            messages_api = getattr(call_type, "value", None) == "anthropic_messages"
            return adapt(kwargs, self._table, messages_api=messages_api, learnt=learnt)
        except Exception as error:  # whatever a request or a models.yaml holds: no request fails because of this
            log.warning("provider_compat: request left unchanged: %s: %s", type(error).__name__, error)
            return kwargs

    async def async_post_call_success_deployment_hook(
        self, request_data: dict[str, Any], response: Any, call_type: CallTypes | None
    ) -> None:
        """Mend an answer that is not streamed.

        Empty text goes: clients send it back, and Claude refuses it. Groq's thinking has a name that LiteLLM knows in
        streams only, and some servers say `stop` where a tool is called.
        """
        for choice in getattr(response, "choices", None) or ():
            message = getattr(choice, "message", None)
            fields = getattr(message, "provider_specific_fields", None) or {}
            thought = getattr(message, "reasoning", None) or fields.get("reasoning")
            if isinstance(thought, str) and not getattr(message, "reasoning_content", None):
                message.reasoning_content = thought
            if getattr(message, "content", None) == "":
                message.content = None
            if getattr(message, "tool_calls", None) and getattr(choice, "finish_reason", None) == "stop":
                choice.finish_reason = "tool_calls"


instance = ProviderCompat()
