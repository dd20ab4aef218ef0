"""What stands in front of LiteLLM: an ASGI layer that decides who may speak before a byte of a body is read.

LiteLLM reads bodies before it asks for a key, answers any Host and any page's script, and its administration has routes
without a key. Here a request needs a Host of ours, no foreign Origin, and a key; a client's key (boot/keys.py) is for
models only. What is refused is counted in one place, and told in the log once a minute at most.

The decisions are in boot/rules.py. Knows no LiteLLM.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Protocol

from boot.rules import (
    HEALTH,
    PROFILE,
    SPEAKER,
    Hosts,
    Refusal,
    as_client,
    from_elsewhere,
    given_key,
    is_for_clients,
    is_page,
    is_plausible,
    refers_to_environment,
)
from boot.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping, Sequence

    from boot.keys import ClientKeys

    Headers = Sequence[tuple[bytes, bytes]]
    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]

__all__ = ["Guard", "VirtualKeys"]

# LiteLLM answers an Origin with CORS headers, and packs long errors, in which keys could not be found then.
_NOT_PASSED = frozenset({SPEAKER, b"origin", b"accept-encoding"})
KNOWN = "run_claude.known"  # in a scope: whether a key was shown, for the server (boot/serving.py)
STORED = "/run-claude/stored"  # an answer of ours, for the administrator
MAX_BODY = 64 * 2**20
PATIENCE = 30  # seconds for the next piece of a body
SLOWEST = 16_384  # bytes per second, behind the first pieces: a client's upstream is a loopback device or a network
_DRAINED = 2**20  # bytes that are read and thrown away, so that the client sees the answer before the connection ends
_DRAINED_WITHIN = 2  # seconds
_TYPES = {401: "authentication_error", 413: "request_too_large", 503: "overloaded_error", 408: "timeout_error"}
_NO_CACHE = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
)


class VirtualKeys(Protocol):
    """LiteLLM's own keys for clients, where it has a database."""

    async def started(self) -> None:
        """LiteLLM has started."""

    async def is_known(self, profile: str) -> bool:
        """Whether LiteLLM takes a profile's key as one of its own, now."""

    async def has(self, key: str) -> bool:
        """Whether LiteLLM may know a key that is none of ours."""


class Guard:
    """The layer.

    :param app: LiteLLM
    :param others: whether any key may be right, which LiteLLM is left to decide: with a login of the user's choice
    :param virtual: ``None`` where LiteLLM has no keys of its own
    :param stored: tells the administrator what LiteLLM's database has
    :param max_body: bytes of one body
    :param in_flight: bytes of all bodies that are being answered
    """

    def __init__(
        self,
        app: Any,
        *,
        hosts: Hosts,
        keys: ClientKeys,
        master_key: str,
        others: bool = False,
        virtual: VirtualKeys | None = None,
        stored: Callable[[], Awaitable[object]] | None = None,
        max_body: int = MAX_BODY,
        in_flight: int = 4 * MAX_BODY,
    ) -> None:
        self._app, self._hosts, self._keys, self._master_key = app, hosts, keys, master_key
        self._others, self._virtual, self._stored = others, virtual, stored
        self._max_body, self._in_flight, self._held = max_body, max(in_flight, max_body), 0
        self.tally = Tally()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one connection of uvicorn's."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, self._starting(send))
            return
        headers = dict(reversed(scope["headers"]))  # the first of a name, as Starlette has it
        refusal = await self._judge(scope, headers)
        if refusal is not None:
            await self._refuse(scope, headers, receive, send, refusal)
            return
        scope[KNOWN] = any(name == SPEAKER for name, _ in scope["headers"])
        send = _without_cors(send)
        if scope["path"] == STORED and self._stored is not None and _speaks_admin(scope):
            await _answer(send, 200, await self._stored())
            return
        if scope["type"] == "websocket" or not _has_body(headers):
            await self._app(scope, receive, send)
            return
        body = await self._take(scope, headers, receive)
        if isinstance(body, Refusal):
            await self._refuse(scope, headers, receive, send, body)
            return
        size, receive = len(body), _handed_over(body, receive)
        del body  # LiteLLM's alone now
        try:
            await self._app(scope, receive, send)
        finally:
            self._held -= size

    async def _judge(self, scope: Message, headers: dict[bytes, bytes]) -> Refusal | None:
        """Return why a request is refused; otherwise ``scope`` is as LiteLLM gets it."""
        method, path = scope.get("method", "GET"), scope["path"]
        own = (scope.get("server") or ("",))[0]
        if refusal := from_elsewhere(method, headers, self._hosts, own):
            return refusal
        passed = [pair for pair in scope["headers"] if pair[0] not in _NOT_PASSED]
        if path in HEALTH and method in ("GET", "HEAD"):
            scope["headers"] = passed
            return None
        where, key = given_key(path, headers, scope.get("query_string", b""))
        if not key:
            if is_page(path) and scope["type"] == "http" and self._keys.pages_are_open():
                scope["headers"] = passed
                return None
            words = "No key was given. `run-claude env PROFILE` prints one, `run-claude with PROFILE` sets it."
            return Refusal(401, "without a key", words)
        if self._keys.is_admin(key):
            scope["headers"] = [*passed, (SPEAKER, b"admin")]
            return None
        profile = self._keys.profile_of(key, headers.get(PROFILE, b"").decode("latin-1"))
        if not profile:
            if is_plausible(key) and (self._others or (self._virtual is not None and await self._virtual.has(key))):
                scope["headers"] = [*passed, (SPEAKER, b"other")]
                return None
            return Refusal(
                401,
                "with an unknown key",
                "The key is none of this proxy's: it is from before a rotation of its keys, of a profile that is gone,"
                " or of another proxy. `run-claude env PROFILE` and `run-claude with PROFILE` give the right one.",
            )
        if scope["type"] != "http" or not is_for_clients(path):
            return Refusal(
                403,
                "beyond a client's key",
                f"This is a client's key, of profile {profile}: it is for models, and not for this path.",
            )
        known = self._virtual is not None and await self._virtual.is_known(profile)
        towards = key if known else self._master_key
        scope["headers"], scope["query_string"] = as_client(passed, scope["query_string"], where, towards, profile)
        return None

    async def _take(self, scope: Message, headers: dict[bytes, bytes], receive: Receive) -> bytes | Refusal:
        """Return a body, which counts as held until the caller gives it back."""
        declared = headers.get(b"content-length", b"0")
        if refusal := self._too_large(int(declared) if declared.isdigit() else 0, self._held):
            return refusal
        pieces: list[bytes] = []
        size, loop = 0, asyncio.get_running_loop()
        began = loop.time()
        try:
            more = True
            while more:
                limit = min(loop.time() + PATIENCE, began + PATIENCE + size / SLOWEST)
                async with asyncio.timeout_at(limit):
                    message = await receive()
                if message["type"] == "http.disconnect":
                    return Refusal(400, "that were broken off", "The request was broken off.")
                piece, more = message.get("body", b""), message.get("more_body", False)
                size, self._held = size + len(piece), self._held + len(piece)
                pieces.append(piece)
                if refusal := self._too_large(size, self._held - size):
                    return refusal
            body = b"".join(pieces)
            if not is_for_clients(scope["path"]) and refers_to_environment(body):
                words = "Nothing that is stored may name a variable of the environment: put it into models.yaml."
                return Refusal(403, "that name the environment", words)
            size = 0  # the caller's now
            return body
        except TimeoutError:
            return Refusal(408, "with a body that did not come", "The rest of the request did not come in time.")
        finally:
            self._held -= size

    def _too_large(self, size: int, others: int) -> Refusal | None:
        """Return why a body is too large, beside what others take."""
        if size > self._max_body:
            limit = f"{self._max_body / 2**20:g} MB"
            words = f"The request is larger than this proxy takes ({limit}; RUN_CLAUDE_MAX_BODY)."
            return Refusal(413, "too large", words)
        if size + others > self._in_flight:
            return Refusal(503, "beyond the memory for bodies", "Too much is sent at once. Try again in a moment.")
        return None

    async def _refuse(
        self, scope: Message, headers: dict[bytes, bytes], receive: Receive, send: Send, refusal: Refusal
    ) -> None:
        """Answer without LiteLLM. The connection ends where a body may still come, of which little is read."""
        self.tally.count(refusal.reason)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refusal.message[:120]})
            return
        kind = _TYPES.get(refusal.status, "permission_error" if refusal.status == 403 else "invalid_request_error")
        error = {"type": kind, "message": refusal.message, "param": None, "code": str(refusal.status)}
        unread = _has_body(headers)
        further = [(b"connection", b"close")] if unread else []
        further += [(b"retry-after", b"2")] if refusal.status == 503 else []
        await _answer(send, refusal.status, {"type": "error", "error": error}, further, more=unread)
        if unread:
            await _drain(receive)
            await send({"type": "http.response.body", "body": b""})

    def _starting(self, send: Send) -> Send:
        async def passed(message: Message) -> None:
            await send(message)
            if message["type"] == "lifespan.startup.complete" and self._virtual is not None:
                await self._virtual.started()

        return passed


def _speaks_admin(scope: Message) -> bool:
    return (SPEAKER, b"admin") in scope["headers"]


async def _answer(send: Send, status: int, document: object, further: Headers = (), *, more: bool = False) -> None:
    """Answer with a document of our own; ``more`` if the end of the body is sent later."""
    body = json.dumps(document).encode()
    headers = [*_NO_CACHE, (b"content-length", str(len(body)).encode()), *further]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": more})


async def _drain(receive: Receive) -> None:
    """Read a little of what still comes: a connection that ends with unread bytes takes its answer along."""
    seen = 0
    try:
        async with asyncio.timeout(_DRAINED_WITHIN):
            while seen < _DRAINED:
                message = await receive()
                seen += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return


def _handed_over(body: bytes, receive: Receive) -> Receive:
    """Return a channel with the whole body, and after it what comes: the client's end."""
    left: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def channel() -> Message:
        return left.pop() if left else await receive()

    return channel


def _without_cors(send: Send) -> Send:
    async def passed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = message.get("headers", ())
            message["headers"] = [pair for pair in headers if not pair[0].lower().startswith(b"access-control-")]
        await send(message)

    return passed


def _has_body(headers: dict[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
