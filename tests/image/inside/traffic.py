"""Requests to the proxy from its own container. Runs in the image; test_prisma.py reads the last line, which is JSON.

``keys COUNT`` makes that many virtual keys and uses all of them at once: the answers' statuses.
``until FILE`` makes one key and uses it again and again until the file is there: the answers' statuses, in order.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import httpx

MESSAGE = {"model": "demo-opus", "max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}


async def make_key(client: httpx.AsyncClient) -> str:
    """Make a virtual key with the master key."""
    headers = {"authorization": f"Bearer {os.environ['MASTER_KEY']}"}
    answer = await client.post("/key/generate", json={"models": ["demo-opus"]}, headers=headers)
    return answer.raise_for_status().json()["key"]


async def ask(client: httpx.AsyncClient, key: str) -> int:
    """Send one message; the status of the answer, or 0 without one."""
    try:
        return (await client.post("/v1/messages", json=MESSAGE, headers={"x-api-key": key})).status_code
    except httpx.HTTPError:
        return 0


async def keys(client: httpx.AsyncClient, count: str) -> list[int]:
    """Use many keys at once, each for the first time."""
    made = await asyncio.gather(*(make_key(client) for _ in range(int(count))))
    return await asyncio.gather(*(ask(client, key) for key in made))


async def until(client: httpx.AsyncClient, path: str) -> list[int]:
    """Go on with four requests at a time."""
    key = await make_key(client)
    print("begun", flush=True)
    told: list[int] = []

    async def again() -> None:
        while not Path(path).exists():
            told.append(await ask(client, key))

    await asyncio.gather(*(again() for _ in range(4)))
    return told


async def main(what: str, argument: str) -> None:
    """Do what the command line says."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url="http://127.0.0.1:4444", timeout=60, limits=limits) as client:
        print(json.dumps(await {"keys": keys, "until": until}[what](client, argument)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
