"""Does what Claude Code sends arrive, and come back whole? The same exchanges through each gateway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bench.docker import docker
from bench.gateways import litellm_bare, ours, router
from bench.processes import BenchError
from bench.workspace import ROOT
from tests.conformance.deployments import ACCOUNT, model_list
from tests.conformance.exchanges import EXCHANGES
from tests.conformance.profiles import profiles_table
from tests.conformance.runner import cases
from tests.conformance.runner import run as run_cases
from tests.conformance.stub import Stub
from tests.conformance.tabulation import tabulated

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from bench.gateways import Gateway
    from bench.runner import Recorder
    from bench.workspace import Workspace
    from tests.conformance.runner import Case, Outcome

NAME = "conformance"
TITLE = "Exchanges of Claude Code that go as they should"
BASELINE = ""

_PEERS = ("LiteLLM bare", "claude-code-router", "run-claude")
_QUICK = ("compatible", "gemini", "groq", "openai", "vllm")


async def run(bench: Recorder) -> None:
    """Run all exchanges through each gateway in turn, and write the table of them."""
    workspace = bench.workspace
    todo = [case for case in cases(EXCHANGES.values()) if not bench.quick or case.target.name in _QUICK]
    results: dict[str, dict[str, Outcome]] = {}
    image = await workspace.image()
    gateway = await docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    for peer in _PEERS:
        bench.say(peer)
        with Stub(EXCHANGES, gateway or "127.0.0.1") as stub:
            base = f"http://host.docker.internal:{stub.port}"
            account = await docker("run", "--rm", "--entrypoint", "python", image, "-c", ACCOUNT, f"{base}/token")
            models = model_list((case.exchange for case in todo), base, account.strip())
            here = f"http://{gateway or '127.0.0.1'}:{stub.port}"
            try:
                async with _running(peer, workspace, models, here, todo) as found:
                    results[peer] = await _through(found, stub, [case for case in todo if _has(peer, case)])
            except BenchError as error:
                bench.fail(f"{peer}: {error}")
                continue
        spoken = results[peer]
        passed = sum(not outcome.problems for outcome in spoken.values())
        bench.record(peer, "exchanges that pass", f"of {len(spoken)}", passed)
    text = tabulated(todo, results)
    target = ROOT / ("bench/results/conformance.md" if bench.quick else "docs/conformance.md")
    target.parent.mkdir(exist_ok=True)
    target.write_text(text)
    bench.note(f"Exchange by exchange: {target}")


def _has(peer: str, case: Case) -> bool:
    """Whether a gateway can have an exchange: the others know no profiles."""
    return case.exchange.profile is None or peer == "run-claude"


def _running(
    peer: str, workspace: Workspace, models: list[dict[str, Any]], stub: str, todo: list[Case]
) -> AbstractAsyncContextManager[Gateway]:
    match peer:
        case "LiteLLM bare":
            return litellm_bare(workspace, models)
        case "claude-code-router":
            return router(workspace, stub)
        case _:
            return ours(workspace, models, profiles_table(todo))


async def _through(gateway: Gateway, stub: Stub, todo: list[Case]) -> dict[str, Outcome]:
    return await run_cases(todo, stub, gateway.url, gateway.key, model=gateway.model)
