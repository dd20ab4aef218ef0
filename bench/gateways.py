"""The gateways that speak to providers for Claude Code: LiteLLM as it is, claude-code-router, and ours."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import anyio
import httpx

from bench.docker import remove
from bench.processes import BenchError, execute
from bench.workspace import free_port
from tests.conformance.runner import model_name
from tests.conformance.target import TARGETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from bench.workspace import Workspace
    from tests.conformance.runner import Case
    from tests.conformance.target import Target

__all__ = ["Gateway", "litellm_bare", "ours", "router"]

_READY_WITHIN = 180.0  # seconds
_CONFIG = "/app/config/litellm_config.yaml"


@dataclass(frozen=True, slots=True)
class Gateway:
    """A gateway that runs. ``model`` is the name by which it knows a case's model; ``None`` if it speaks to no such."""

    name: str
    url: str
    key: str
    model: Callable[[Case], str | None] = model_name


@asynccontextmanager
async def litellm_bare(workspace: Workspace, models: list[dict[str, Any]]) -> AsyncIterator[Gateway]:
    """The locked LiteLLM, started by its own command: without our changes to it, without callbacks.

    :raises BenchError: if it does not start
    """
    image = workspace.name("bare")
    services = workspace.services()
    settings = workspace.settings(workspace.name("build"))
    given = [f"--secret=id=ca,src={settings.ca_bundle}"] if settings.ca_bundle else []
    await execute(
        *("docker", "build", "--file", str(services / "litellm.Dockerfile"), "--tag", image),
        *(f"--build-arg=RUN_CLAUDE_PYTHON_IMAGE={settings.python_image}", "--build-arg=RUN_CLAUDE_PATCHES=off"),
        *(*given, str(services)),
    )
    command = ("/opt/litellm/bin/litellm", "--host", "0.0.0.0", "--port", "4444", "--config", _CONFIG)  # noqa: S104
    document = {"model_list": models, "litellm_settings": {"drop_params": True, "telemetry": False}}
    async with _container(workspace, "bare-litellm", image, document, command) as gateway:
        yield gateway


@asynccontextmanager
async def ours(workspace: Workspace, models: list[dict[str, Any]], profiles: str) -> AsyncIterator[Gateway]:
    """LiteLLM as run-claude runs it.

    :param profiles: the table of the profiles that clients name, as JSON
    :raises BenchError: if it does not start
    """
    callbacks = {"callbacks": ["callbacks.profile_routing.instance", "callbacks.provider_compat.instance"]}
    document = {"model_list": models, "litellm_settings": {"drop_params": True, "telemetry": False, **callbacks}}
    routes = workspace.folder / "routes"
    routes.mkdir(exist_ok=True)
    _write(routes / "profiles.json", profiles)
    mounted = f"--volume={routes}:/app/routes:ro"
    async with _container(workspace, "our-litellm", await workspace.image(), document, (), mounted) as gateway:
        yield gateway


@asynccontextmanager
async def _container(
    workspace: Workspace, name: str, image: str, document: dict[str, Any], command: tuple[str, ...], *options: str
) -> AsyncIterator[Gateway]:
    key = f"sk-{secrets.token_hex(24)}"
    folder = workspace.folder / name
    folder.mkdir(exist_ok=True)
    document = {**document, "general_settings": {"master_key": "os.environ/LITELLM_MASTER_KEY"}}
    _write(folder / "config.yaml", json.dumps(document))
    _write(folder / "environment", f"LITELLM_MASTER_KEY={key}\nLITELLM_LOCAL_MODEL_COST_MAP=True\n")
    port, container = free_port(), workspace.name(name)
    entry = ("--entrypoint", command[0], image, *command[1:]) if command else (image,)
    await execute(
        *("docker", "run", "--detach", "--name", container, "--publish", f"127.0.0.1:{port}:4444"),
        *("--add-host", "host.docker.internal:host-gateway", "--env-file", str(folder / "environment")),
        *("--volume", f"{folder / 'config.yaml'}:{_CONFIG}:ro", *options, *entry),
    )
    try:
        await _ready(f"http://127.0.0.1:{port}/health/readiness", lambda: _log(container))
        yield Gateway(name, f"http://127.0.0.1:{port}", key)
    finally:
        await remove("container", [container])


async def _log(container: str) -> str:
    done = await execute("docker", "logs", "--tail", "5", container)
    return done.stdout + done.stderr


# How claude-code-router's own documentation configures each: the kind of address, and the transformers.
_ROUTED: dict[str, tuple[str, list[Any]]] = {
    "anthropic": ("/v1/messages", ["Anthropic"]),
    "anthropic-haiku": ("/v1/messages", ["Anthropic"]),
    "compatible": ("/v1/messages", ["Anthropic"]),
    "deepseek": ("/v1/messages", ["Anthropic"]),
    "openai": ("/responses", ["openai-responses"]),
    "gemini": ("/v1beta/models/", ["gemini"]),
    "groq": ("/chat/completions", ["groq"]),
    "groq-qwen": ("/chat/completions", ["groq"]),
    "cerebras": ("/chat/completions", ["cerebras"]),
    "openrouter": ("/chat/completions", ["openrouter"]),
    **{
        name: ("/chat/completions", ["cleancache"])
        for name in (
            "openai-own",
            "mistral",
            "mistral-devstral",
            "xai",
            "together",
            "zai",
            "moonshot",
            "vllm",
            "lmstudio",
        )
    },
}
_ASKED = 64_000  # tokens: for models that answer with fewer its documentation names the limit in the configuration


@asynccontextmanager
async def router(workspace: Workspace, base: str) -> AsyncIterator[Gateway]:
    """claude-code-router from npm, configured as its documentation does it.

    :raises BenchError: if it cannot be installed or does not start
    """
    npm = shutil.which("npm")
    if npm is None:
        raise BenchError("claude-code-router needs npm")
    folder = workspace.folder / "router"
    home = folder / "home"
    (home / ".claude-code-router").mkdir(parents=True, exist_ok=True)
    quiet = ("--no-save", "--no-audit", "--no-fund", "--loglevel=error")
    await execute(npm, "install", "--prefix", str(folder), *quiet, "@musistudio/claude-code-router")
    port, key = free_port(), f"key-{secrets.token_hex(16)}"
    document = {
        "APIKEY": key,
        "HOST": "127.0.0.1",
        "PORT": port,
        "LOG": False,
        "API_TIMEOUT_MS": 60_000,
        "NON_INTERACTIVE_MODE": True,
        "Providers": [_provider(TARGETS[name], base) for name in _ROUTED],
        "Router": {"default": f"anthropic,{_id(TARGETS['anthropic'])}"},
    }
    (home / ".claude-code-router/config.json").write_text(json.dumps(document))
    environment = {**os.environ, "HOME": str(home), "SERVICE_PORT": str(port)}
    command = [str(folder / "node_modules/.bin/ccr"), "start"]
    async with await anyio.open_process(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            await _ready(f"http://127.0.0.1:{port}/health", _nothing)
            yield Gateway("claude-code-router", f"http://127.0.0.1:{port}", key, _routed)
        finally:
            process.terminate()


async def _nothing() -> str:
    return ""


def _provider(target: Target, base: str) -> dict[str, Any]:
    path, transformers = _ROUTED[target.name]
    address = str(target.params["api_base"]).replace("BASE", f"{base}/t/{target.name}")
    use = [*transformers, ["maxtoken", {"max_tokens": target.output}]] if target.output < _ASKED else transformers
    return {
        "name": target.name,
        "api_base_url": f"{address}{path}",
        "api_key": "key-of-the-provider",
        "models": [_id(target)],
        **({"transformer": {"use": use}} if use else {}),
    }


def _id(target: Target) -> str:
    return str(target.params["model"]).partition("/")[2]


def _routed(case: Case) -> str | None:
    return f"{case.target.name},{_id(case.target)}" if case.target.name in _ROUTED else None


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


async def _ready(url: str, log: Callable[[], Any]) -> None:
    until = time.monotonic() + _READY_WITHIN
    async with httpx.AsyncClient(timeout=5) as client:
        while time.monotonic() < until:
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await anyio.sleep(0.2)
    raise BenchError(f"{url} did not answer within {_READY_WITHIN:.0f} s: {await log()}")
