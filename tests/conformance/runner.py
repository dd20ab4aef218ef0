"""Runs exchanges against a gateway: each at each of its targets, some at once."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio
import httpx

from .checks import judge
from .client import exchange_with
from .profiles import profile_header
from .target import TARGETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .exchange import Exchange
    from .stub import Stub
    from .target import Target

__all__ = ["AT_ONCE", "Case", "Outcome", "cases", "model_name", "run"]

AT_ONCE = 6
_FAILING_AT_ONCE = 12  # beside these: LiteLLM waits up to 20 s before it tries a provider again that refuses
_ONE_OF_EACH = ("openai", "gemini", "compatible", "vllm")
# In a short run these are tried at every target: providers differ most in them.
_EVERYWHERE = frozenset(
    {
        "calls-in-one-chunk",
        "client-leaves",
        "context-filled",
        "context-nearly-full",
        "effort-max",
        "error-429",
        "ids-sealed",
        "image",
        "login",
        "login-counting",
        "max-tokens-1",
        "max-tokens-64000",
        "result-image",
        "session-first-turn",
        "session-full-size",
        "session-other-model",
        "session-second-turn",
        "session-second-turn-elsewhere",
        "system-before-results",
        "text-whole",
        "thinking-budget",
        "thinking-sealed-back",
        "tool-hosted-elsewhere",
        "window",
    }
)
_LEFT_WITHIN = 5.0  # seconds from when a client has gone to when its provider sees it


@dataclass(frozen=True, slots=True)
class Case:
    """An exchange at a target."""

    target: Target
    exchange: Exchange

    @property
    def name(self) -> str:
        """What it is called: EXCHANGE@TARGET."""
        return f"{self.exchange.name}@{self.target.name}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a case went: nothing in ``problems`` is a pass."""

    case: Case
    problems: tuple[str, ...]
    seconds: float = 0.0


def cases(exchanges: Iterable[Exchange], *, short: bool = False) -> list[Case]:
    """Return every exchange at every target that can have it.

    :param short: one target for each wire, but where providers differ most
    """
    return [
        Case(target, exchange)
        for exchange in exchanges
        for target in TARGETS.values()
        if exchange.targets(target) and (not short or exchange.name in _EVERYWHERE or target.name in _ONE_OF_EACH)
    ]


def model_name(case: Case) -> str:
    """Return the model that a case asks for. One that fails has a deployment of its own, which may be cooled down."""
    failing = case.exchange.answer.failure is not None
    return f"{case.target.name}.{case.exchange.name}" if failing else case.target.name


async def run(
    todo: Iterable[Case],
    stub: Stub,
    url: str,
    key: str,
    *,
    model: Callable[[Case], str | None] = model_name,
    outcomes: dict[str, Outcome] | None = None,
) -> dict[str, Outcome]:
    """Run cases and return how each went, by name. One for which ``model`` is none is left out.

    :param outcomes: filled as the cases end
    """
    outcomes = {} if outcomes is None else outcomes
    limit, failing = anyio.Semaphore(AT_ONCE), anyio.Semaphore(_FAILING_AT_ONCE)

    async def one(client: httpx.AsyncClient, case: Case, name: str) -> None:
        async with limit if case.exchange.answer.failure is None else failing:
            began = time.monotonic()
            received = await exchange_with(client, url, key, name, case.exchange, profile_header(case))
            where = (case.target.name, case.exchange.name)
            problems = judge(case.target, case.exchange, received, stub.reached[where])
            if case.exchange.leaves_after and not await _left(stub, where):
                problems.append("the client went away, and the provider was not told")
            outcomes[case.name] = Outcome(case, tuple(problems), time.monotonic() - began)

    async with httpx.AsyncClient(timeout=60) as client, anyio.create_task_group() as group:
        for case in todo:
            if (name := model(case)) is not None:
                group.start_soon(one, client, case, name)
    return outcomes


async def _left(stub: Stub, where: tuple[str, str]) -> bool:
    return await anyio.to_thread.run_sync(stub.left[where].wait, _LEFT_WITHIN)
