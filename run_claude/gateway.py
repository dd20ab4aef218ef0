"""LiteLLM, as its clients see it: an HTTP API.

It uses httpx, which has what a client of a JSON API needs. Importing httpx takes 70 ms, so only code that asks LiteLLM
imports this module, and only when it asks.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from run_claude.domain import timeouts
from run_claude.domain.causes import caused
from run_claude.domain.diagnosis import gateway_unreachable, quoted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

__all__ = ["Answer", "Gateway", "Readiness", "Stored"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of ``/health/readiness``. ``database`` is LiteLLM's own word: ``connected``, ``Not connected``."""

    ready: bool
    database: str
    version: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its text, the model that gave it, and how many had refused before."""

    text: str
    model: str
    fallbacks: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A model or a credential in LiteLLM's database, which somebody has put there.

    :param kind: ``model`` or ``credential``
    :param model: what it is at the provider
    :param address: of the provider, without what may be secret in it; empty for the provider's own
    :param made_by: LiteLLM's word for who has stored it
    :param refused: it names a variable of the environment, and is not used
    """

    kind: str
    name: str
    model: str
    address: str
    made_by: str
    refused: bool


class Gateway:
    """One LiteLLM proxy. Open with :meth:`connect`."""

    def __init__(self, client: httpx.AsyncClient, base_url: str, key: str) -> None:
        self._client = client
        self._key = key
        self.base_url = base_url

    @classmethod
    @asynccontextmanager
    async def connect(cls, base_url: str, master_key: str) -> AsyncIterator[Gateway]:
        """Yield a client of the proxy at ``base_url``; nothing is sent yet."""
        transport = httpx.AsyncHTTPTransport(verify=False, trust_env=False)  # plain HTTP on this machine
        headers = {"Authorization": f"Bearer {master_key}"}
        async with httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers, timeout=None) as client:  # noqa: S113 (_call bounds each)
            yield cls(client, base_url, master_key)

    async def readiness(self) -> Readiness:
        """Return whether the proxy accepts requests. Needs no key and calls no model.

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
        """Return the names of the models that the proxy offers.

        :raises GatewayError: if it does not answer, or rejects the master key
        """
        body = _json(self._checked(await self._call("GET", "/v1/models")))
        return [str(row["id"]) for row in body.get("data") or []]

    async def stored(self) -> list[Stored]:
        """Return what LiteLLM's database has of models and credentials; nothing where LiteLLM uses none.

        :raises GatewayError: if the proxy does not answer
        """
        answer = await self._call("GET", "/run-claude/stored")
        found = _json(answer) if answer.is_success else {}
        return [
            Stored(
                kind=kind,
                **{name: str(row.get(name) or "") for name in ("name", "model", "address", "made_by")},
                refused=bool(row.get("refused")),
            )
            for kind in ("model", "credential")
            for row in found.get(f"{kind}s") or []
        ]

    async def message(self, model: str, text: str, *, max_tokens: int = 256) -> str:
        """Send one message, as an Anthropic client does, and return the text of the answer. May cost money.

        The text is empty where the model has only thought, within ``max_tokens``.

        :raises GatewayError: if the proxy or the provider answers with an error, or with nothing that is an answer
        """
        request = {"model": model, "max_tokens": max_tokens, "messages": [{"role": "user", "content": text}]}
        return (await self.send(request)).text

    async def send(self, request: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Answer:
        """Send a request in Anthropic's format and return what came back. May cost money.

        :raises GatewayError: if the proxy or the provider answers with an error, or with nothing that is an answer
        """
        called = self._call("POST", "/v1/messages", json=request, headers=headers, within=timeouts.PROVIDER_ANSWER)
        answer = self._checked(await called)
        model = str(request["model"])
        found = _json(answer).get("content")
        blocks = [block for block in found if isinstance(block, dict)] if isinstance(found, list) else []
        if not any(block.get("text") or block.get("type") not in ("text", None) for block in blocks):
            raise caused("gateway-no-answer", f"The server of {model} answered, but with nothing that is an answer.")
        return Answer(
            text="".join(str(block.get("text") or "") for block in blocks if block.get("type") == "text"),
            model=answer.headers.get("x-litellm-model-group", model),
            fallbacks=int(answer.headers.get("x-litellm-attempted-fallbacks") or 0),
        )

    async def deep_health(self) -> dict[str, Any]:
        """Return LiteLLM's ``/health``: it calls EVERY model once, which costs money.

        :raises GatewayError: if the proxy does not answer
        """
        return _json(self._checked(await self._call("GET", "/health", within=timeouts.PROVIDER_ANSWER)))

    async def _call(
        self,
        method: str,
        path: str,
        *,
        within: float | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        try:
            with anyio.fail_after(within or timeouts.GATEWAY_ANSWER):
                return await self._client.request(method, path, json=json, headers=headers)
        except (httpx.HTTPError, OSError) as error:
            raise gateway_unreachable(self.base_url, error) from error

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.is_success:
            return answer
        if answer.status_code == 401:
            raise caused("gateway-key", f"The proxy at {self.base_url} rejects the master key.")
        said = _json(answer).get("error") or {}
        message = str(said.get("message") or "" if isinstance(said, dict) else said)
        raise caused(
            "gateway-refused",
            f"The proxy answered {answer.status_code}: {quoted(message, {self._key}) or answer.reason_phrase}",
            facts={"status": answer.status_code},
        )


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
