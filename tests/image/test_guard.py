"""What stands in front of LiteLLM, as a layer before an application: who gets through, and how much."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from .project import MASTER_KEY, boot_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("boot")]
LOCAL = "127.0.0.1:4444"
LITELLM = "x-litellm-api-key"


class App:
    """An application that keeps what it was given."""

    def __init__(self) -> None:
        self.seen: list[tuple[dict[str, str], bytes]] = []
        self.asked, self.meanwhile = asyncio.Event(), asyncio.Event()
        self.meanwhile.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more and scope["type"] == "http":
            message = await receive()
            body, more = body + message["body"], message["more_body"]
        self.seen.append(({name.decode(): value.decode() for name, value in scope["headers"]}, body))
        self.asked.set()
        await self.meanwhile.wait()
        headers = [(b"access-control-allow-origin", b"*"), (b"x-answer", b"yes")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"answer"})


class Answer:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    async def send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def error(self) -> dict[str, str]:
        told = json.loads(b"".join(message.get("body", b"") for message in self.sent[1:]))
        assert told["type"] == "error"
        return dict(told["error"])


class Layer:
    """The guard before an application, and requests to it."""

    def __init__(self, routes: Path, **options: Any) -> None:
        self.app, self.routes = App(), routes
        self.keys = boot_module("keys").ClientKeys(MASTER_KEY, routes)
        given = {"hosts": boot_module("rules").Hosts.of("127.0.0.1", []), "keys": self.keys, "master_key": MASTER_KEY}
        self.guard = boot_module("guard").Guard(self.app, **given, **options)

    async def ask(
        self, path: str = "/v1/messages", key: str = "", body: list[bytes] | None = None, **headers: str
    ) -> Answer:
        given = {"host": LOCAL} | {name.replace("_", "-"): value for name, value in headers.items()}
        given |= {"x-api-key": key} if key else {}
        given |= {"transfer-encoding": "chunked"} if body and "content-length" not in given else {}
        scope = {
            "type": "http",
            "method": "POST" if body else "GET",
            "path": path,
            "query_string": b"",
            "server": ("127.0.0.1", 4444),
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
        }
        answer, pieces = Answer(), list(body or [b""])

        async def receive() -> dict[str, Any]:
            if not pieces:
                await asyncio.Event().wait()  # a client that says no more
            piece = pieces.pop(0)
            self.read += len(piece)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces) or piece == MORE}

        self.read, self.scope = 0, scope
        await self.guard(scope, receive, answer.send)
        return answer


MORE = b"and there is more"


@pytest.fixture
async def layer(tmp_path: Path) -> AsyncIterator[Layer]:
    table = {"rich": {"tiers": {"opus": "a"}}, "poor": {"models": ["b"]}, "empty": {}}
    (tmp_path / "profiles.json").write_text(json.dumps({"profiles": table}))
    yield Layer(tmp_path)


@pytest.mark.parametrize("path", ["/health/liveliness", "/health/liveness", "/health/readiness"])
async def test_health_needs_no_key(layer: Layer, path: str) -> None:
    assert (await layer.ask(path)).status == 200


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/messages", "/", "/openapi.json", "/routes", "/redoc", "/docs", "/ui/", "/fallback/login", "/get_image"),
        *("/sso/key/generate", "/test", "/public/model_hub", "/.well-known/litellm-ui-config", "/register", "/nowhere"),
        "/api/event_logging/batch",
    ],
)
async def test_nothing_else_is_there_without_a_key(layer: Layer, path: str) -> None:
    answer = await layer.ask(path)
    assert (answer.status, answer.error["type"]) == (401, "authentication_error")
    assert not layer.app.seen


async def test_a_body_is_not_read_before_a_key_is_right(layer: Layer) -> None:
    gigabyte = [b"x" * 2**19] * 2000
    answer = await layer.ask(body=gigabyte, key="sk-" + "0" * 48)
    assert answer.status == 401
    assert layer.read <= 2**20, "so much is thrown away, for the answer to be seen"
    assert answer.headers[b"connection"] == b"close"


async def test_profiles_are_told_apart_by_their_keys_alone(layer: Layer) -> None:
    for profile in ("rich", "poor"):
        key = layer.keys.of(profile)
        assert (await layer.ask(key=key, x_run_claude_profile="someone-else")).status == 200
        headers, _ = layer.app.seen.pop()
        told = {name: headers[name] for name in ("x-api-key", "x-run-claude-profile", "x-run-claude-speaker")}
        assert list(told.values()) == [MASTER_KEY, profile, "client"]


async def test_the_admin_names_a_profile_and_may_do_all(layer: Layer) -> None:
    answer = await layer.ask(
        "/key/generate", MASTER_KEY, [b"{}"], x_run_claude_profile="poor", x_run_claude_speaker="x"
    )
    assert answer.status == 200
    headers, body = layer.app.seen.pop()
    assert (headers["x-run-claude-profile"], headers["x-run-claude-speaker"], body) == ("poor", "admin", b"{}")


async def test_a_profile_newer_than_the_table_has_its_key(layer: Layer) -> None:
    key = layer.keys.of("newer")
    assert (await layer.ask(key=key)).status == 401
    assert (await layer.ask(key=key, x_run_claude_profile="newer")).status == 200
    (layer.routes / "profiles.json").write_text(json.dumps({"profiles": {"newer": {}}}))
    assert (await layer.ask(key=key)).status == 200
    assert (await layer.ask(key=layer.keys.of("rich"))).status == 401, "gone"


async def test_a_clients_key_is_for_models(layer: Layer) -> None:
    answer = await layer.ask("/model/new", layer.keys.of("poor"), [b"{}"])
    assert answer.status == 403
    assert "client's key, of profile poor" in answer.error["message"]
    assert not layer.app.seen


async def test_a_key_of_before_is_explained(layer: Layer) -> None:
    answer = await layer.ask(key=boot_module("keys").client_key("sk-the-master-key-of-before", "rich"))
    assert answer.status == 401
    assert "run-claude env" in answer.error["message"]


async def test_litellms_own_keys_are_its_matter_where_it_has_some(tmp_path: Path) -> None:
    virtual = "sk-Zq8wq0SFGAQb6nCq1o4v2w"
    assert (await Layer(tmp_path).ask(key=virtual)).status == 401
    layer = Layer(tmp_path, others=True)
    assert (await layer.ask("/key/info", virtual)).status == 200
    assert layer.app.seen[0][0]["x-run-claude-speaker"] == "other"
    assert (await layer.ask("/key/info", "short")).status == 401


async def test_with_a_database_a_key_that_litellm_does_not_know_is_none(tmp_path: Path) -> None:
    class Virtual:
        async def started(self) -> None: ...

        async def is_known(self, profile: str) -> bool:
            return False

        async def has(self, key: str) -> bool:
            return key == "sk-Zq8wq0SFGAQb6nCq1o4v2w"

    layer = Layer(tmp_path, virtual=Virtual())
    for path in ("/openapi.json", "/routes", "/login", "/ui/", "/public/model_hub", "/metrics"):
        assert (await layer.ask(path, "sk-aaaaaaaaaaaaaaaaaaaa")).status == 401
    assert layer.app.seen == []
    assert (await layer.ask("/key/info", "sk-Zq8wq0SFGAQb6nCq1o4v2w")).status == 200


async def test_the_admin_pages_are_there_until_the_time_is_over(layer: Layer) -> None:
    pages = layer.routes / "pages"
    pages.write_text(f"{time.time() + 60:.0f}\n")
    assert [(await layer.ask(path)).status for path in ("/ui/", "/sso/key/generate", "/get_image")] == [200] * 3
    assert (await layer.ask("/key/list")).status == 401
    pages.write_text(f"{time.time() - 1:.0f}\n")
    assert (await layer.ask("/ui/")).status == 401


async def test_nothing_says_that_pages_of_others_may_read(layer: Layer) -> None:
    answer = await layer.ask(key=MASTER_KEY, origin=f"http://{LOCAL}", accept_encoding="gzip")
    assert dict(answer.headers) == {b"x-answer": b"yes"}
    assert not layer.app.seen[0][0].keys() & {"origin", "accept-encoding"}


async def test_nothing_stored_may_name_the_environment(layer: Layer) -> None:
    body = [b'{"litellm_params": {"api_key": "os.', b'environ/GROQ_API_KEY"}}']
    answer = await layer.ask("/model/new", MASTER_KEY, body)
    assert (answer.status, layer.app.seen) == (403, [])
    assert (await layer.ask("/v1/messages", MASTER_KEY, [b'{"text": "os.environ/X"}'])).status == 200, "it is said"


# --- how much -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "key", "known"),
    [
        ("/v1/messages", MASTER_KEY, True),
        ("/v1/messages", "", False),
        ("/health/liveliness", "", False),
        ("/health/liveliness", MASTER_KEY, False),
    ],
)
async def test_only_who_shows_a_key_may_rest_long(layer: Layer, path: str, key: str, *, known: bool) -> None:
    await layer.ask(path, key, x_run_claude_speaker="admin")
    assert bool(layer.scope.get(boot_module("guard").KNOWN)) is known


@pytest.mark.parametrize("length", [{"content_length": "101"}, {}])
async def test_a_body_has_a_limit(tmp_path: Path, length: dict[str, str]) -> None:
    layer = Layer(tmp_path, max_body=100)
    answer = await layer.ask("/v1/messages", MASTER_KEY, [b"x" * 60, b"x" * 41], **length)
    assert (answer.status, answer.error["type"]) == (413, "request_too_large")
    assert (await layer.ask("/v1/messages", MASTER_KEY, [b"x" * 60, b"x" * 40])).status == 200
    assert len(layer.app.seen) == 1


async def test_all_bodies_together_have_a_limit_until_they_are_answered(tmp_path: Path) -> None:
    layer = Layer(tmp_path, max_body=100, in_flight=150)
    layer.app.meanwhile.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(layer.ask("/v1/messages", MASTER_KEY, [b"x" * 90]))
        await layer.app.asked.wait()
        refused = await layer.ask("/v1/messages", MASTER_KEY, [b"x" * 90])
        layer.app.meanwhile.set()
    assert (refused.status, refused.headers[b"retry-after"]) == (503, b"2")
    assert first.result().status == 200
    assert (await layer.ask("/v1/messages", MASTER_KEY, [b"x" * 90])).status == 200, "room again"
    refused = await layer.ask("/v1/messages", MASTER_KEY, [b"x" * 101])
    assert (await layer.ask("/v1/messages", MASTER_KEY, [b"x" * 90])).status == 200, "what was refused holds none"


async def test_a_body_that_does_not_come_is_not_waited_for(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_module("guard"), "PATIENCE", 0.01)
    monkeypatch.setattr(boot_module("guard"), "_DRAINED_WITHIN", 0.01)
    answer = await layer.ask("/v1/messages", MASTER_KEY, [MORE])
    assert answer.status == 408
    assert layer.guard._held == 0


@pytest.mark.parametrize(
    ("text", "size"), [("64m", 64 * 2**20), ("1g", 2**30), ("100", 100), ("10K", 10240), ("", 64 * 2**20)]
)
def test_a_limit_is_written_as_docker_writes_memory(text: str, size: int) -> None:
    assert boot_module("serving").max_body(text) == size


# --- the log ------------------------------------------------------------------------------------------------------


async def test_what_is_refused_is_counted_and_told_together(
    layer: Layer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boot_module("tally"), "_TOLD_EVERY", 0.05)
    with caplog.at_level(logging.WARNING, "uvicorn.error"):
        for number in range(1000):
            await layer.ask(f"/run-claude: P1000 {number}\n")
        await layer.ask(host="evil.example")
        while len(caplog.messages) < 2:  # noqa: ASYNC110 (logging has no event)
            await asyncio.sleep(0)
    assert caplog.messages[0] == "guard: refused requests: 1 without a key"
    told = " ".join(caplog.messages[1:])
    assert "without a key" in told
    assert "P1000" not in told


async def test_what_is_refused_writes_no_line_of_access(layer: Layer) -> None:
    guard, lines = boot_module("tally"), []
    logger = logging.getLogger("uvicorn.access")
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    guard.quiet_access_log()
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)

    async def uvicorn(key: str) -> None:
        await layer.ask(key=key)
        logger.info("answered %s", key)  # as it does in the request's own context

    try:
        await asyncio.create_task(uvicorn("none"))
        await asyncio.create_task(uvicorn(MASTER_KEY))
    finally:
        logger.removeHandler(handler)
        logger.filters.clear()
        logger.setLevel(level)
    assert lines == [f"answered {MASTER_KEY}"]
