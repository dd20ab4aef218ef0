"""The guard in front of the real LiteLLM: what a stranger, a page and a client's key may do."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import threading
import time
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import sync_playwright

from .conftest import RUNNING
from .project import MASTER_KEY, Project, docker

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.engine, pytest.mark.timeout(600), RUNNING]

PROFILES = {
    "one": {"tiers": {"opus": "demo-opus"}, "models": ["demo-opus"]},
    "two": {"tiers": {"opus": "demo-haiku"}, "models": ["demo-haiku"]},
}
HEALTH = {"/health/liveliness", "/health/liveness", "/health/readiness"}


@pytest.fixture(scope="module")
def served(running: Project) -> Iterator[Project]:
    running.put_profiles(json.dumps({"profiles": PROFILES}))
    yield running


@pytest.fixture(scope="module", autouse=True)
def slow(served: Project) -> Iterator[socket.socket]:
    """A client that has begun a request, and never ends its headers; there from the first test on."""
    with socket.create_connection(("127.0.0.1", served.port)) as stream:
        stream.sendall(b"GET /health/liveliness HTTP/1.1\r\nHost: 127.0.0.1\r\nx-slow: ")
        yield stream


@pytest.fixture(scope="module")
def keys(served: Project) -> dict[str, str]:
    """The keys of the profiles, as the container derives them."""
    script = (
        "import json, sys; from boot.keys import client_key;"
        "print(json.dumps([client_key(*asked) for asked in json.load(sys.stdin)]))"
    )
    asked = json.dumps([[MASTER_KEY, name] for name in PROFILES])
    told = docker("exec", "-i", served.litellm, "python", "-c", script, stdin=asked)
    return dict(zip(PROFILES, json.loads(told), strict=True))


@pytest.fixture
def client(served: Project) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"http://127.0.0.1:{served.port}", timeout=30) as client:
        yield client


def message(**more: Any) -> dict[str, Any]:
    return {"model": "opus", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **more}


def test_two_profiles_are_told_apart_by_key_alone(client: httpx.Client, keys: dict[str, str]) -> None:
    for profile, model in (("one", "demo-opus"), ("two", "demo-haiku")):
        for headers in (
            {"x-api-key": keys[profile]},
            {"authorization": f"Bearer {keys[profile]}", "x-run-claude-profile": "one"},
            {"x-litellm-api-key": f"Bearer {keys[profile]}", "authorization": "Bearer sk-ant-oat01-login"},
        ):
            answer = client.post("/v1/messages", json=message(), headers=headers)
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-litellm-model-group"] == model


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Return all routes of LiteLLM's OpenAPI, filled in."""
    paths = client.get("/openapi.json", headers={"x-api-key": MASTER_KEY}).json()["paths"]
    return [(verb.upper(), re.sub(r"\{[^}]*\}", "x", path)) for path, verbs in paths.items() for verb in verbs]


def test_a_clients_key_is_for_litellms_own_llm_routes_only(
    client: httpx.Client, served: Project, keys: dict[str, str]
) -> None:
    script = (
        "import gc, json; gc.disable(); from litellm.proxy._types import LiteLLMRoutes as R;"
        "print(json.dumps([*R.openai_routes.value, *R.anthropic_routes.value, *R.google_routes.value]))"
    )
    told = docker("exec", served.litellm, "python", "-c", script).splitlines()[-1]
    known = [*json.loads(told), "/models/{name}", "/v1/models/{name}"]
    llm = re.compile("|".join(re.sub(r"\\\{.*?\\\}", "[^/]+", re.escape(path)) for path in known))
    found = routes(client)
    assert len(found) > 400
    passed = set()
    for verb, path in found:
        answer = client.request(verb, path, headers={"x-api-key": keys["one"]}, json={} if verb != "GET" else None)
        if path in HEALTH:
            continue
        if answer.status_code != 403:
            passed.add(path)
        elif verb not in ("HEAD", "OPTIONS"):
            assert "client's key" in answer.json()["error"]["message"], path
    assert not {path for path in passed if not llm.fullmatch(path)}
    assert {
        "/v1/messages",
        "/v1/messages/count_tokens",
        "/v1/chat/completions",
        "/v1/responses",
        "/v1/models",
    } <= passed
    assert not {path for path in passed if re.search("file|batch|fine|vector|assist|thread|mcp|skill|agent", path)}


def test_without_a_key_there_is_nothing_but_health(client: httpx.Client) -> None:
    extra = ["/", "/openapi.json", "/routes", "/redoc", "/docs", "/ui/", "/fallback/login", "/register", "/get_image"]
    for verb, path in [*routes(client), *(("GET", path) for path in extra)]:
        answer = client.request(verb, path, json={} if verb != "GET" else None)
        expected = 200 if path in HEALTH and verb == "GET" else 403 if verb == "OPTIONS" else 401
        assert answer.status_code == expected, (verb, path)
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "more",
    [
        {"custom_llm_provider": "openai"},
        {"api_base": "http://192.0.2.1"},
        {"aws_region_name": "evil.example/#"},
        {"vertex_location": "evil.example/#"},
        {"extra_headers": {"host": "evil.example"}},
        {"extra_body": {"custom_llm_provider": "openai"}},
        {"fallbacks": [{"model": "demo-opus", "api_base": "http://192.0.2.1"}]},
        {"litellm_credential_name": "vault"},
        {"litellm_params": {"api_base": "http://192.0.2.1"}},
        {"model_list": []},
        {"user_config": {}},
    ],
    ids=str,
)
def test_a_clients_request_does_not_say_where_it_goes(
    client: httpx.Client, keys: dict[str, str], more: dict[str, Any]
) -> None:
    headers = {"x-api-key": keys["one"]}
    asked = [("/v1/messages", message(**more)), ("/v1/chat/completions", message(**more))]
    asked += [("/v1/responses", {"model": "demo-opus", "input": "hi", **more})]
    asked += [("/v1/embeddings", {"model": "demo-opus", "input": "hi", **more})]
    asked += [("/v1/images/generations", {"model": "demo-opus", "prompt": "hi", **more})]
    asked += [("/v1/audio/speech", {"model": "demo-opus", "input": "hi", "voice": "v", **more})]
    asked += [("/v1/moderations", {"model": "demo-opus", "input": "hi", **more})]
    asked += [("/v1/rerank", {"model": "demo-opus", "query": "hi", "documents": ["a"], **more})]
    asked += [("/v1/completions", {"model": "demo-opus", "prompt": "hi", **more})]
    asked += [("/v1beta/models/demo-opus:generateContent", {"contents": [{"parts": [{"text": "hi"}]}], **more})]
    for path, body in asked:
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code in (400, 401), (path, answer.text)  # ours, or LiteLLM's own
        assert re.search("may not set|not allowed|Rejected", answer.text), (path, answer.text)


def test_a_right_request_is_as_it_was(client: httpx.Client, keys: dict[str, str]) -> None:
    more = {"metadata": {"user_id": "me"}, "temperature": 1, "thinking": {"type": "disabled"}, "stream": False}
    assert client.post("/v1/messages", json=message(**more), headers={"x-api-key": keys["one"]}).status_code == 200
    counted = client.post("/v1/messages/count_tokens", json=message(), headers={"x-api-key": keys["one"]})
    assert counted.json()["input_tokens"] > 0


def test_a_stranger_who_sends_gigabytes_does_not_disturb_the_owner(
    client: httpx.Client, served: Project, keys: dict[str, str]
) -> None:
    """16 streams of 1 GB without a key, at the default limit of memory."""
    over, sent = threading.Event(), []

    def send() -> None:
        head = b"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000000000\r\n\r\n"
        while not over.is_set():
            with socket.create_connection(("127.0.0.1", served.port)) as stream:
                try:
                    stream.sendall(head)
                    while not over.is_set():
                        sent.append(stream.send(b"x" * 2**18))
                except OSError:
                    continue  # it was ended, and begins again

    before = served.inspect(served.litellm)["State"]
    strangers = [threading.Thread(target=send, daemon=True) for _ in range(16)]
    for stranger in strangers:
        stranger.start()
    try:
        took = []
        for _ in range(20):
            began = time.monotonic()
            answer = client.post("/v1/messages", json=message(), headers={"x-api-key": keys["one"]})
            took.append(time.monotonic() - began)
            assert answer.status_code == 200
    finally:
        over.set()
        for stranger in strangers:
            stranger.join()
    assert sorted(took)[len(took) // 2] < 1, took
    after = served.inspect(served.litellm)["State"]
    assert (after["StartedAt"], after["OOMKilled"]) == (before["StartedAt"], False)


# What a page of another origin can do to this machine's ports, and what it learns of each try.
PAGE = """<!doctype html><title>evil</title><iframe name=hidden></iframe><script>
const at = "http://" + location.hash.slice(1), key = "%s", tried = {};
const json = {"content-type": "application/json", "x-api-key": key};
const body = JSON.stringify({model: "opus", max_tokens: 9, messages: [{role: "user", content: "hi"}]});
const said = async (name, asked) => {
  try { const answer = await asked; tried[name] = answer.type + answer.status + await answer.text(); }
  catch (error) { tried[name] = "nothing"; }
};
const loaded = (name, tag, path) => new Promise(done => {
  const one = document.createElement(tag);
  one.onload = () => { tried[name] = "loaded"; done(); };
  one.onerror = () => { tried[name] = "nothing"; done(); };
  one.src = at + path;
  document.body.append(one);
});
const form = async () => {
  const one = document.createElement("form");
  Object.assign(one, {method: "post", action: at + "/v1/messages?page", enctype: "text/plain", target: "hidden"});
  const ended = new Promise(done => document.querySelector("iframe").onload = done);
  document.body.append(one);
  one.submit();
  await ended;
};
onload = async () => {
  await said("simple", fetch(at + "/v1/models?page"));
  await said("health", fetch(at + "/health/liveliness?page"));
  await said("no-cors", fetch(at + "/v1/messages?page", {method: "POST", mode: "no-cors", body}));
  await said("with-key", fetch(at + "/v1/messages?page", {method: "POST", headers: json, body}));
  await loaded("image", "img", "/get_image?page");
  await loaded("script", "script", "/health/liveliness?page");
  await form();
  document.title = JSON.stringify(tried);
};
</script>"""


def test_a_web_page_reaches_nothing_and_learns_nothing(served: Project, keys: dict[str, str]) -> None:
    """In a real browser: from another origin, and by a name of its own for this address (DNS rebinding)."""
    if not (chromium := shutil.which("chromium")):
        assert not os.environ.get("CI"), "scripts/test installs chromium"
        pytest.skip("no chromium here")
    page_of = (PAGE % keys["one"]).encode()

    class Evil(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(page_of)

        def log_message(self, format: str, *args: object) -> None:
            pass

    ours = f"127.0.0.1:{served.port}"
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP evil.example 127.0.0.1"]
    with HTTPServer(("127.0.0.1", 0), Evil) as evil, sync_playwright() as driver:
        threading.Thread(target=evil.serve_forever, daemon=True).start()
        browser = driver.chromium.launch(executable_path=chromium, args=arguments)
        page = browser.new_page()
        page.set_default_timeout(120_000)
        learnt = {}
        for host in ("127.0.0.1", "evil.example"):  # a page of this machine is a stranger as well
            page.goto(f"http://{host}:{evil.server_port}/#{ours}")
            page.wait_for_function("document.title.startsWith('{')")
            learnt[host] = json.loads(page.title())
        rebound = page.goto(f"http://evil.example:{served.port}/health/liveliness?page")
        assert rebound is not None
        fetched = page.evaluate(
            "key => fetch('/v1/models?page', {headers: {'x-api-key': key}}).then(answer => answer.status)", keys["one"]
        )
        browser.close()
        evil.shutdown()
    tried = ("simple", "health", "no-cors", "with-key", "image", "script")
    assert learnt == dict.fromkeys(learnt, dict.fromkeys(tried, "nothing")), "as of a port where nobody listens"
    assert (rebound.status, fetched) == (421, 421)
    assert "?page" not in docker("logs", served.litellm), "LiteLLM was not reached"


def test_what_is_refused_is_told_in_few_lines(client: httpx.Client, served: Project) -> None:
    assert {client.get(f"/nowhere/{number}").status_code for number in range(200)} == {401}
    log = docker("logs", served.litellm)
    assert 0 < log.count("guard: refused requests:") < 20
    assert "/nowhere" not in log


def test_headers_that_do_not_come_are_not_waited_for(slow: socket.socket) -> None:
    slow.settimeout(120)
    assert slow.recv(1) == b""


def test_a_clients_connection_rests_longer_than_httpx_keeps_it(served: Project, keys: dict[str, str]) -> None:
    """To close it after the same 5 s is a race, which a client loses that sends its next request just then."""
    asked = {"client": ("/v1/models", {"x-api-key": keys["one"]}), "stranger": ("/health/liveliness", {})}
    connections = {who: HTTPConnection("127.0.0.1", served.port, timeout=30) for who in asked}
    try:
        for who, (path, headers) in asked.items():
            connections[who].request("GET", path, headers=headers)
            answer = connections[who].getresponse()
            assert (answer.status, bool(answer.read())) == (200, True)
            connections[who].auto_open = 0  # no other connection in its place
        assert connections["stranger"].sock.recv(1) == b"", "it is closed: a flood of them takes no memory"
        time.sleep(2)
        connections["client"].request("GET", "/health/liveliness")
        assert connections["client"].getresponse().status == 200
    finally:
        for connection in connections.values():
            connection.close()
