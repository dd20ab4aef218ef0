"""Who may speak to LiteLLM, with which key, of what: the rules of the guard. No container is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.client_key import client_key
from run_claude.config.settings import load_settings

from .project import MASTER_KEY, boot_module

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("boot")
LOCAL = "127.0.0.1:4444"


# --- whose page, which name ---------------------------------------------------------------------------------------


def elsewhere(method: str = "POST", *, bind: str = "127.0.0.1", own: str = "172.18.0.3", **headers: str) -> int:
    """Return the status of the refusal; 0 if there is none."""
    rules = boot_module("rules")
    hosts = rules.Hosts.of(bind, ["litellm", "mine-litellm", "box.example.org"])
    given = {name.replace("_", "-").encode(): value.encode() for name, value in ({"host": LOCAL} | headers).items()}
    refusal = rules.from_elsewhere(method, given, hosts, own)
    return refusal.status if refusal else 0


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1:4444", "localhost:4444", "LOCALHOST", "[::1]:4444", "litellm:4444", "mine-litellm:4444"),
        *("box.example.org", "host.docker.internal:4444", "172.18.0.3:4444"),
    ],
)
def test_our_names_are_answered(host: str) -> None:
    assert elsewhere(host=host) == 0


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example:4444", "192.0.2.1:4444", "localhost.evil"]
)
def test_other_names_are_not(host: str) -> None:
    assert elsewhere(host=host) == 421


@pytest.mark.parametrize(("host", "status"), [("192.0.2.1:4444", 0), ("[2001:db8::1]", 0), ("evil.example", 421)])
def test_on_all_addresses_any_address_is_ours_and_no_other_name(host: str, status: int) -> None:
    assert elsewhere(bind="0.0.0.0", host=host) == status  # noqa: S104 (not bound here)
    assert elsewhere(bind="[::]", host=host) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 0),
        ({"origin": f"http://{LOCAL}"}, 0),
        ({"origin": "null"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:3000"}, 403),
        ({"origin": ""}, 403),
        ({"sec_fetch_site": "none"}, 0),
        ({"sec_fetch_site": "same-origin"}, 0),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"sec_fetch_site": "cross-site"}, 403),
    ],
)
def test_pages_of_others_are_refused(headers: dict[str, str], status: int) -> None:
    assert elsewhere("GET", **headers) == status


def test_no_preflight_is_answered() -> None:
    assert elsewhere("OPTIONS") == 403


# --- whose key ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "headers", "query", "found"),
    [
        ("/v1/messages", {"authorization": "Bearer a"}, "", ("authorization", "a")),
        ("/v1/messages", {"authorization": "a"}, "", ("authorization", "")),
        ("/v1/messages", {"authorization": "Basic a", "x-api-key": "b"}, "", ("authorization", "")),
        ("/v1/messages", {"x-api-key": "b", "authorization": "Bearer a"}, "", ("authorization", "a")),
        ("/v1/messages", {"x-api-key": "b", "authorization": ""}, "", ("x-api-key", "b")),
        (
            "/v1/messages",
            {"authorization": "Bearer a", "x-litellm-api-key": "Bearer c"},
            "",
            ("x-litellm-api-key", "c"),
        ),
        ("/v1/messages", {"x-litellm-api-key": "c"}, "", ("x-litellm-api-key", "c")),
        ("/v1/messages", {}, "key=d", ("", "")),
        ("/models/m:generateContent", {}, "key=d", ("?key", "d")),
        ("/models/m:generateContent", {"x-goog-api-key": "g"}, "key=d", ("x-goog-api-key", "g")),
    ],
)
def test_a_key_is_looked_for_in_litellms_order(
    path: str, headers: dict[str, str], query: str, found: tuple[str, str]
) -> None:
    given = {name.encode(): value.encode() for name, value in headers.items()}
    where, key = boot_module("rules").given_key(path, given, query.encode())
    assert (where.decode(), key) == found


def test_litellm_gets_one_key_and_the_guards_word_of_the_profile() -> None:
    login = b"Bearer sk-ant-oat01-login"
    headers = [
        *((b"x-litellm-api-key", b"Bearer client"), (b"authorization", login), (b"authorization", b"Bearer x")),
        *((b"x-api-key", b"sk-other"), (b"x-run-claude-profile", b"rich"), (b"x-run-claude-speaker", b"admin")),
        (b"anthropic-beta", b"one"),
    ]
    got, query = boot_module("rules").as_client(headers, b"beta=true", b"x-litellm-api-key", "master", "poor")
    assert dict(got) == {
        b"anthropic-beta": b"one",
        b"authorization": login,
        b"x-litellm-api-key": b"Bearer master",
        b"x-run-claude-profile": b"poor",
        b"x-run-claude-speaker": b"client",
    }
    assert len(got) == 5
    assert query == b"beta=true"


def test_a_login_is_no_second_key() -> None:
    headers = [(b"x-api-key", b"client"), (b"x-goog-api-key", b"other"), (b"host", b"localhost")]
    got, _ = boot_module("rules").as_client(headers, b"", b"x-api-key", "master", "p")
    assert [name for name, _ in got] == [b"host", b"x-api-key", b"x-run-claude-profile", b"x-run-claude-speaker"]


def test_a_key_leaves_the_address() -> None:
    got, query = boot_module("rules").as_client([], b"key=client&alt=sse", b"?key", "master", "p")
    assert (dict(got)[b"x-goog-api-key"], query) == (b"master", b"alt=sse")


def test_host_and_container_derive_the_same_key(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "LITELLM_MASTER_KEY": MASTER_KEY}
    ours = client_key(load_settings(environ), "demo")
    assert ours == boot_module("keys").client_key(MASTER_KEY, "demo")
    assert ours != client_key(load_settings(environ), "other")
    assert len(ours) == 51


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/messages", "/v1/messages/count_tokens", "/chat/completions", "/v1/chat/completions", "/v1/responses"),
        *(
            "/v1/responses/resp_1",
            "/v1/models",
            "/v1/models/demo-opus",
            "/v1/models/qwen3:4b",
            "/v1/embeddings",
            "/v1/audio/speech",
        ),
        *("/v1beta/models/gemini-pro:streamGenerateContent", "/models/a/b:generateContent", "/v2/rerank"),
    ],
)
def test_clients_may_ask_models(path: str) -> None:
    assert boot_module("rules").is_for_clients(path)


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/key/generate", "/model/new", "/model/info", "/v1/files", "/v1/batches", "/v1/fine_tuning/jobs"),
        *("/anthropic/v1/messages", "/openai/v1/chat/completions", "/v1/messages/", "//v1/messages", "/v1/skills"),
        *("/v1/vector_stores", "/mcp", "/config/update", "/health", "/metrics", "/v1/messages/batches", "/v1/realtime"),
        *("/v1/responses/a/b/c", "/utils/transform_request", "/v1/messages\n", "/spend/logs"),
    ],
)
def test_clients_may_do_nothing_else(path: str) -> None:
    assert not boot_module("rules").is_for_clients(path)


@pytest.mark.parametrize(
    ("body", "refers"),
    [
        (b'{"litellm_params": {"api_key": "os.environ/GROQ_API_KEY"}}', True),
        (b'{"a": [{"b": "Bearer os.environ/X"}]}', True),
        (rb'{"a": "os\u002eenviron/X"}', True),
        (rb'{"a": "os.environ\/X"}', True),
        (b"api_key=os.environ%2FX", True),
        (rb'{"litellm_params": "{\"api_key\": \"os.environ\\u002fX\"}"}', True),
        (rb'{"a": "{\"b\": \"{\\\"c\\\": \\\"os.environ\\\/X\\\"}\"}"}', True),
        (b'{"aws_web_identity_token": "oidc/env/GROQ_API_KEY"}', True),
        (b'{"aws_web_identity_token": "oidc/google/https://example.com"}', False),
        (b'{"a": "environ"}', False),
        (b"", False),
    ],
)
def test_what_names_the_environment_is_recognized(body: bytes, *, refers: bool) -> None:
    assert boot_module("rules").refers_to_environment(body) is refers
