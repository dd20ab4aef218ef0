"""Requests to the proxy from its own container. Runs in the image; test_prisma.py reads the last line, which is JSON.

``keys COUNT`` makes that many virtual keys and uses all of them at once: the answers' statuses.
``key KEY`` uses a key that is there: the answer's status.
``model NAME`` stores a model in the database and uses it at once: the answer's status.
``until FILE`` makes one key and uses it again and again until the file is there: the answers' statuses, in order.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import httpx

MESSAGE = {"max_tokens": 16, "messages": [{"role": "user", "content": "hi"}]}


def master_key() -> str:
    """Return the key of whoever administrates the proxy."""
    return json.loads(Path("/run/secrets/litellm.json").read_text())["LITELLM_MASTER_KEY"]


async def administrate(client: httpx.AsyncClient, path: str, body: dict[str, object]) -> dict[str, str]:
    """Change something, with the master key."""
    answer = await client.post(path, json=body, headers={"authorization": f"Bearer {master_key()}"})
    return answer.raise_for_status().json()


async def make_key(client: httpx.AsyncClient) -> str:
    """Make a virtual key."""
    return (await administrate(client, "/key/generate", {"models": ["demo-opus"]}))["key"]


async def ask(client: httpx.AsyncClient, key: str, model: str = "demo-opus") -> int:
    """Send one message; the status of the answer, or 0 without one."""
    try:
        message = MESSAGE | {"model": model}
        return (await client.post("/v1/messages", json=message, headers={"x-api-key": key})).status_code
    except httpx.HTTPError:
        return 0


async def keys(client: httpx.AsyncClient, count: str) -> list[int]:
    """Use many keys at once, each for the first time."""
    made = await asyncio.gather(*(make_key(client) for _ in range(int(count))))
    return await asyncio.gather(*(ask(client, key) for key in made))


async def key(client: httpx.AsyncClient, made: str) -> list[int]:
    """Use one key."""
    return [await ask(client, made)]


async def model(client: httpx.AsyncClient, name: str) -> list[int]:
    """Store a model and use it."""
    stored = {"model_name": name, "litellm_params": {"model": "demo/opus"}, "model_info": {}}
    await administrate(client, "/model/new", stored)
    return [await ask(client, master_key(), name)]


async def until(client: httpx.AsyncClient, path: str) -> list[int]:
    """Go on with four requests at a time."""
    made = await make_key(client)
    print("begun", flush=True)
    told: list[int] = []

    async def again() -> None:
        while not Path(path).exists():
            told.append(await ask(client, made))
            await asyncio.sleep(0.05)  # some forty a second are traffic enough, and leave room for what it meets

    await asyncio.gather(*(again() for _ in range(4)))
    return told


async def main(what: str, argument: str) -> None:
    """Do what the command line says."""
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url="http://127.0.0.1:4444", timeout=60, limits=limits) as client:
        answers = {"keys": keys, "key": key, "model": model, "until": until}
        print(json.dumps(await answers[what](client, argument)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
