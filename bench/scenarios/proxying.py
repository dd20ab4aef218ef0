"""What a request costs: through the stack, through the same image bare, and to the stub provider directly."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import anyio
import yaml

from bench.processes import BenchError
from bench.stacks import Floor, Ours, measured_start
from bench.upstream import MODEL, upstream

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from bench.runner import Recorder

NAME = "proxying"
TITLE = "Requests through the proxy (/v1/messages, a stub upstream)"
BASELINE = "LiteLLM bare"

_MODEL = "bench"
_CALLERS = 8


@dataclass(frozen=True, slots=True)
class _Way:
    url: str
    key: str
    model: str

    async def ask(self, session: aiohttp.ClientSession, *, stream: bool = False) -> float:
        """Send a message, and return the seconds until the whole answer, or the first byte of a streamed one.

        :raises BenchError: if the answer is none
        """
        said = {"role": "user", "content": "hi"}
        body = {"model": self.model, "max_tokens": 16, "stream": stream, "messages": [said]}
        headers = {"x-api-key": self.key, "anthropic-version": "2023-06-01"}
        began = time.perf_counter()
        async with session.post(f"{self.url}/v1/messages", json=body, headers=headers) as answer:
            first = await answer.content.readany()
            arrived = time.perf_counter()
            rest = await answer.content.read()
            if answer.status != 200 or b"nowhere" not in first + rest:
                raise BenchError(f"{self.url} answered {answer.status}: {(first + rest)[:300]!r}")
        return (arrived if stream else time.perf_counter()) - began


async def run(bench: Recorder) -> None:
    """Send messages one by one, streamed, and many at once; bounded in number and time."""
    workspace = bench.workspace
    image = await workspace.image()
    ours = Ours(workspace, "proxying")
    async with upstream() as (host, port):
        models = workspace.models_file
        _write_models(models, port)
        bare: Floor | None = None
        try:
            bench.say("preparing")
            await ours.call("proxy", "start", "--profile", "demo", "--no-db")
            paths = workspace.settings(ours.instance).paths
            plain = _without_callbacks(paths.litellm_config, workspace.folder / "bare.yaml")
            bare = Floor.like(workspace, image, ours.instance, config=plain)
            await measured_start(bare)
            key = str(json.loads(paths.litellm_secrets.read_text())["LITELLM_MASTER_KEY"])
            await _measure(
                bench,
                {
                    BASELINE: _Way(f"http://127.0.0.1:{bare.port}", key, _MODEL),
                    "run-claude's stack": _Way(f"http://127.0.0.1:{ours.port}", key, _MODEL),
                    "the stub itself": _Way(f"http://{host}:{port}", "none", MODEL),
                },
            )
        finally:
            models.unlink()
            await ours.remove()
            if bare is not None:
                await bare.remove()


async def _measure(bench: Recorder, ways: Mapping[str, _Way]) -> None:
    count, seconds = bench.rounds(150, 10), bench.rounds(8, 1)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        for way in ways.values():
            for _ in range(5):
                await way.ask(session)
        for number in range(bench.rounds(4, 1)):
            for name, way in ways.items():
                bench.say(f"{name} (round {number + 1})")
                bench.record(name, "one after the other", "s", *[await way.ask(session) for _ in range(count)])
                streamed = [await way.ask(session, stream=True) for _ in range(count)]
                bench.record(name, "streamed, first byte", "s", *streamed)
                bench.record(name, f"{_CALLERS} at once", "/s", await _throughput(session, way, seconds))


async def _throughput(session: aiohttp.ClientSession, way: _Way, seconds: float) -> float:
    answered = 0

    async def caller() -> None:
        nonlocal answered
        while time.perf_counter() < until:
            await way.ask(session)
            answered += 1

    began = time.perf_counter()
    until = began + seconds
    async with anyio.create_task_group() as group:
        for _ in range(_CALLERS):
            group.start_soon(caller)
    return answered / (time.perf_counter() - began)


def _write_models(path: Path, port: int) -> None:
    params = {"model": f"anthropic/{MODEL}", "api_base": f"http://host.docker.internal:{port}", "api_key": "none"}
    path.write_text(yaml.safe_dump({"models": {_MODEL: {"litellm_params": params}}}))


def _without_callbacks(config: Path, target: Path) -> Path:
    document = yaml.safe_load(config.read_text())
    document.get("litellm_settings", {}).pop("callbacks", None)
    target.write_text(yaml.safe_dump(document))
    target.chmod(0o644)
    return target
