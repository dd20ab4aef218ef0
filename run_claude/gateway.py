"""LiteLLM as its clients see it, over HTTP."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from run_claude.errors import GatewayError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Gateway", "Readiness"]

_ANSWER_WITHIN = 10.0  # seconds, for calls that reach no provider
_PROVIDER_WITHIN = 120.0


@dataclass(frozen=True, slots=True)
class Readiness:
    """What ``/health/readiness`` says. ``database`` is LiteLLM's own word: ``connected``, ``Not connected``."""

    ready: bool
    database: str
    version: str


class Gateway:
    """One LiteLLM proxy. Open with :meth:`connect`."""

    def __init__(self, client: httpx.AsyncClient, base_url: str) -> None:
        self._client = client
        self.base_url = base_url

    @classmethod
    @asynccontextmanager
    async def connect(cls, base_url: str, master_key: str) -> AsyncIterator[Gateway]:
        """Yield a client of the proxy at ``base_url``; nothing is sent yet."""
        transport = httpx.AsyncHTTPTransport(verify=False, trust_env=False)  # plain HTTP on this machine
        headers = {"Authorization": f"Bearer {master_key}"}
        async with httpx.AsyncClient(
            transport=transport, base_url=base_url, headers=headers, timeout=_ANSWER_WITHIN
        ) as client:
            yield cls(client, base_url)

    async def readiness(self) -> Readiness:
        """Ask whether the proxy takes requests. Needs no key and calls no model.

        :raises GatewayError: if it does not answer
        """
        answer = await self._call("GET", "/health/readiness")
        body = _json(answer)
        return Readiness(
            ready=answer.status_code == 200,
            database=str(body.get("db") or "unknown"),
            version=str(body.get("litellm_version") or ""),
        )

    async def models(self) -> list[str]:
        """Return the names of the models that the proxy serves.

        :raises GatewayError: if it does not answer, or refuses the master key
        """
        body = _json(self._checked(await self._call("GET", "/v1/models")))
        return [str(row["id"]) for row in body.get("data") or []]

    async def message(self, model: str, text: str, *, max_tokens: int = 256) -> str:
        """Send one message as an Anthropic client does and return the answer's text. May cost money.

        :raises GatewayError: if the proxy or the provider refuses
        """
        request = {
            "model": model,
            "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": text}],
        }
        answer = self._checked(await self._call("POST", "/v1/messages", json=request, timeout=_PROVIDER_WITHIN))
        blocks = _json(answer).get("content") or []
        return "".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text")

    async def deep_health(self) -> dict[str, Any]:
        """Return LiteLLM's ``/health``: it calls EVERY model once, which costs money.

        :raises GatewayError: if the proxy does not answer
        """
        return _json(self._checked(await self._call("GET", "/health", timeout=_PROVIDER_WITHIN)))

    async def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            return await self._client.request(method, path, **arguments)
        except httpx.TimeoutException as error:
            raise GatewayError(
                f"The proxy at {self.base_url} does not answer in time.",
                help="Look at `run-claude proxy logs`; `run-claude proxy restart` helps if it hangs.",
                code="gateway-timeout",
                retryable=True,
            ) from error
        except httpx.HTTPError as error:
            raise GatewayError(
                f"No proxy answers at {self.base_url}.",
                help="Start it with `run-claude proxy start`.",
                code="gateway-unreachable",
                retryable=True,
            ) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        said = _json(answer).get("error") or {}
        message = str(said.get("message") if isinstance(said, dict) else said)[:300] or answer.reason_phrase
        if answer.status_code == 401:
            raise GatewayError(
                f"The proxy at {self.base_url} refuses the master key.",
                help="It was started with another one: `run-claude proxy restart`.",
                code="gateway-key",
            )
        raise GatewayError(
            f"The proxy answered {answer.status_code}: {message}",
            help="`run-claude proxy logs` shows what the provider said.",
            code="gateway-refused",
            facts={"status": answer.status_code},
        )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
