"""What the observer owes where connections break while much happens; nobody heals. How engines go away: test_engine."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

import pytest
from anyio.to_thread import run_sync

from run_claude.docker import observer as observer_module

from .conftest import ON_OWN
from .observing import agrees, observing, until
from .oracle import BOTH
from .proxy import CuttingProxy

if TYPE_CHECKING:
    from .stack import FaultyStack

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.anyio, pytest.mark.timeout(240), ON_OWN]

CHANGES = 30  # each costs 0.3 s of CPU; a hundred of them: tests/unit/docker/test_observer.py, on the fake engine


async def test_many_cuts_among_many_changes_lose_nothing(own: FaultyStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observer_module, "_BACKOFF_REACHED", 0.02)
    chance = random.Random(7)  # noqa: S311 (a run that can be repeated)
    engine = own.engine
    assert engine is not None
    changes = (["kill"], ["start"], ["restart", "--time=0"], ["stop", "--time=0"])
    with CuttingProxy(engine.socket.with_name("proxy.sock"), str(engine.socket)) as proxy:
        async with observing(own, proxy.host) as observer:
            await until(observer, lambda now: not now.lost)
            cuts = 0
            for number in range(CHANGES):
                await until(observer, lambda now: not now.lost)
                container = own.container(chance.choice(BOTH))
                command = chance.choice(changes)
                await run_sync(partial(own.docker, *command, container, check=False))
                cuts += await run_sync(proxy.cut)
                if number % 5 == 4:
                    await agrees(observer, own)
    assert cuts > CHANGES // 2  # now and then a cut comes before the stream
