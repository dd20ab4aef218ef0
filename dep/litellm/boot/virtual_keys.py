"""Clients' keys as virtual keys of LiteLLM's own, where it has a database: spend is a profile's, and budgets hold.

Each is looked up before LiteLLM would do it, once a minute, and made where it is missing: after a profile has appeared,
the database was made anew, or an older one restored. While the database does not answer, requests go on with the master
key: none fails because of bookkeeping. A key that was refused before is not helped by that: LiteLLM goes on judging it.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from boot.keys import ClientKeys

__all__ = ["ALIAS", "VirtualKeys"]

ALIAS = "run-claude:"  # and the profile: their names in LiteLLM's pages
_FRESH = 50  # seconds: LiteLLM remembers for 60 what it has looked up
_AWAY = 15  # seconds for which a database that has failed is asked nothing
_STRANGE = 5  # seconds for which a key that LiteLLM does not know is not asked for again: it may be made meanwhile
_REMEMBERED = 1000  # keys that are none of ours
_WITHIN = 3  # seconds that a request waits for the database, once in _AWAY

log = logging.getLogger("uvicorn.error")


class VirtualKeys:
    """The keys, and what is known of each.

    :param forget: makes LiteLLM forget a key that it remembers, by its hash: the next question is the database's
    """

    def __init__(self, app: Any, keys: ClientKeys, master_key: str, forget: Callable[[str], object]) -> None:
        self._app, self._keys, self._master_key, self._forget = app, keys, master_key, forget
        self._known: dict[str, float] = {}  # until when, by profile
        self._limited: set[str] = set()  # profiles whose keys LiteLLM has refused: blocked, or without a budget
        self._refused: dict[str, float] = {}  # until when, by profile
        self._others: dict[str, tuple[float, bool]] = {}  # until when, and whether it is known: by hash
        self._away = 0.0  # until when nothing is asked
        self._asking: dict[str, asyncio.Task[bool]] = {}
        self._first: asyncio.Task[None] | None = None

    async def started(self) -> None:
        """Make what is missing, beside the first requests."""
        self._keys.refresh()
        self._first = asyncio.create_task(self._look_all_up())

    async def is_known(self, profile: str) -> bool:
        """Whether LiteLLM takes a profile's key as one of its own. Not known in time means no."""
        now = time.monotonic()
        if self._known.get(profile, 0) > now:
            return True
        if now < max(self._away, self._refused.get(profile, 0)):
            return profile in self._limited
        try:
            async with asyncio.timeout(_WITHIN):
                return await asyncio.shield(self._looking_up(profile))
        except TimeoutError as error:
            self._is_away(error)
            return profile in self._limited

    async def has(self, key: str) -> bool:
        """Whether LiteLLM may know a key that is none of ours: made in its pages, or by a login to them.

        While the database is away it may: then LiteLLM decides, from what it remembers.
        """
        if not key.startswith("sk-"):
            return False
        now, hashed = time.monotonic(), hashlib.sha256(key.encode()).hexdigest()
        until, known = self._others.get(hashed, (0.0, False))
        if until > now:
            return known
        if now < self._away:
            return True
        try:
            async with asyncio.timeout(_WITHIN):
                known = (await self._ask(self._master_key, "GET", "/key/info", params={"key": key})).is_success
        except Exception as error:  # as in _look_up
            self._is_away(error)
            return True
        if len(self._others) >= _REMEMBERED:
            self._others.clear()
        self._others[hashed] = (now + (_FRESH if known else _STRANGE), known)
        return known

    async def _look_all_up(self) -> None:
        for profile in self._keys.serving:
            await self._looking_up(profile)

    def _looking_up(self, profile: str) -> asyncio.Task[bool]:
        """Return the one task that looks a profile's key up."""
        if (task := self._asking.get(profile)) is None:
            task = self._asking[profile] = asyncio.create_task(self._look_up(profile))
            task.add_done_callback(lambda _: self._asking.pop(profile, None))
        return task

    async def _look_up(self, profile: str) -> bool:
        try:
            key, began = self._keys.of(profile), time.monotonic()
            hashed = hashlib.sha256(key.encode()).hexdigest()
            there = await self._of_alias(profile)
            if hashed not in there and not await self._make(profile, key, there):
                log.warning("guard: LiteLLM makes no key for profile %s: its spend counts as the master key's", profile)
                self._refused[profile] = began + _FRESH
                return False
            self._forget(hashed)
            answer = await self._ask(key, "GET", "/v1/models")  # LiteLLM remembers it from here on
            (self._limited.discard if answer.is_success else self._limited.add)(profile)
        except Exception as error:  # whatever the database or LiteLLM does, requests go on
            self._is_away(error)
            return profile in self._limited
        self._known[profile] = began + _FRESH
        return True

    async def _of_alias(self, profile: str) -> list[str]:
        """Return the hashes of the keys that have a profile's name: one, or none; blocked ones, too."""
        asked = {"key_alias": f"{ALIAS}{profile}"}
        answer = await self._ask(self._master_key, "GET", "/key/list", params=asked)
        return [str(hashed) for hashed in answer.raise_for_status().json()["keys"]]

    async def _make(self, profile: str, key: str, stale: list[str]) -> bool:
        """Make a key, in the place of one of an earlier master key; return whether LiteLLM has it then."""
        if stale:
            await self._ask(self._master_key, "POST", "/key/delete", json={"keys": stale})
        allowed = ["openai_routes", "anthropic_routes", "google_routes"]
        body = {"key": key, "key_alias": f"{ALIAS}{profile}", "allowed_routes": allowed}
        made = await self._ask(self._master_key, "POST", "/key/generate", json=body)
        if made.is_success:
            return True
        # It has another name: somebody has given it one.
        return (await self._ask(self._master_key, "GET", "/key/info", params={"key": key})).is_success

    async def _ask(self, key: str, method: str, path: str, **content: Any) -> httpx.Response:
        """Ask LiteLLM as a client of its own would.

        :raises httpx.HTTPStatusError: if it fails
        """
        import httpx

        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        headers = {"authorization": f"Bearer {key}"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            answer = await client.request(method, path, **content)
        return answer.raise_for_status() if answer.is_server_error else answer

    def _is_away(self, error: Exception) -> None:
        if time.monotonic() >= self._away:
            why = type(error).__name__
            log.warning("guard: the keys of profiles cannot be looked up (%s): spend counts as the master key's", why)
        self._away = time.monotonic() + _AWAY
