"""Say what is wrong with a model's server on this machine, from what was seen of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from run_claude.domain.causes import caused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from run_claude.errors import RunClaudeError

__all__ = ["Seen", "Server", "server_failure", "speech"]

_OLLAMA = ("ollama", "ollama_chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server on this machine or near it, as a model names it.

    :param models: the models that it serves
    :param base: the address, as the user wrote it
    :param inside: the same for LiteLLM's container
    """

    models: tuple[str, ...]
    provider: str
    base: str
    inside: str

    @property
    def place(self) -> tuple[str, int]:
        """Host and port, as the user wrote them."""
        parts = urlsplit(self.base)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a probe saw of a server.

    :param connected: from inside the container: ``""`` for yes, else ``refused``, ``timeout``, ``unknown-host``, …
    :param here: whether it answers a connection of this machine's own; ``None`` where that says nothing
    :param answers: status and kind of body by path; status 0 where what answers does not speak HTTP.
        Kinds: ``models`` (OpenAI's list), ``ollama``, ``json``, ``other``
    """

    connected: str = ""
    here: bool | None = None
    answers: Mapping[str, tuple[int, str]]

    @classmethod
    def of(cls, row: Mapping[str, Any], *, here: bool | None) -> Seen:
        """Return what the program in the container has printed."""
        answers = {str(path): (int(status), str(kind)) for path, (status, kind) in (row.get("answers") or {}).items()}
        return cls(connected=str(row.get("connected") or ""), here=here, answers=answers)


def server_failure(server: Server, seen: Seen) -> RunClaudeError | None:
    """Return why a server's models cannot answer; ``None`` if nothing speaks against it."""
    host, port = server.place
    names = ", ".join(server.models)
    facts = {"models": list(server.models), "address": server.base}
    if seen.connected == "unknown-host":
        return caused("local-server-down", f"{names}: there is no host {host}.", facts=facts)
    if seen.connected and seen.here:
        if seen.connected == "timeout":
            return caused(
                "local-server-blocked",
                f"{names}: {server.base} answers here, but not LiteLLM's container: a firewall drops it.",
                help=f"Allow it from Docker's networks: `sudo ufw allow from 172.16.0.0/12 to any port {port}`.",
                facts=facts,
            )
        return caused(
            "local-server-loopback",
            f"{names}: the server at port {port} listens on 127.0.0.1 only, where no container reaches it.",
            help=f"Make it listen on 0.0.0.0 ({_how(server)}), behind your firewall.",
            facts=facts,
        )
    if seen.connected:
        return caused("local-server-down", f"{names}: nothing listens at {server.base}.", facts=facts)
    if problem := speech(server, seen.answers):
        return caused("local-server-protocol", f"{names}: {problem[0]}", help=problem[1], facts=facts)
    return None


def speech(server: Server, answers: Mapping[str, tuple[int, str]]) -> tuple[str, str] | None:
    """Return what is wrong with what a server speaks, and what to do; ``None`` if it may be right.

    A server that knows only ``/v1/chat/completions`` answers 404 to everything that is free, and is right.
    """
    base = server.base.rstrip("/")
    if answers and all(status == 0 for status, _ in answers.values()):
        return (f"what listens at {server.base} does not speak HTTP.", "Look at the port and at http or https.")
    kinds = {path: kind for path, (status, kind) in answers.items() if status == 200}
    if server.provider in _OLLAMA:
        if kinds.get("/api/version") == "ollama" or not kinds:
            return None if kinds else (f"{server.base} does not speak Ollama's protocol.", _AS_OPENAI)
        root = base.removesuffix("/v1")
        if kinds.get("/v1/models") == "models" or kinds.get("/models") == "models":
            return (
                f"{server.base} speaks OpenAI's protocol, not Ollama's.",
                f"Write model: openai/NAME, api_base: {root}/v1.",
            )
        return (f"{server.base} does not speak Ollama's protocol.", _AS_OPENAI)
    if kinds.get("/models") == "models":
        return None
    if kinds.get("/v1/models") == "models":
        return (f"{server.base} lacks the /v1 of OpenAI's protocol.", f"Write api_base: {base}/v1.")
    if kinds.get("/api/version") == "ollama":
        return (
            f"{server.base} speaks Ollama's protocol.",
            f"Write model: ollama_chat/NAME, api_base: {base.removesuffix('/v1')}.",
        )
    if "/models" in kinds:
        return (f"{server.base} answers, but not as OpenAI's protocol has it: it lists no models.", _AS_OPENAI)
    return None


_AS_OPENAI = "Look at the address and at the model's provider: docs/local-servers.md has both for each server."


def _how(server: Server) -> str:
    """Return how such a server is told where to listen."""
    if server.provider in _OLLAMA:
        return "OLLAMA_HOST=0.0.0.0 ollama serve"
    if server.provider == "lm_studio":
        return "LM Studio: Developer, Server Settings, Serve on Local Network"
    if server.provider == "hosted_vllm":
        return "vllm serve … --host 0.0.0.0"
    return "llama-server --host 0.0.0.0; docs/local-servers.md has others"
