"""Which servers are looked at: those of the models that can be used, on this machine or near it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.deploy.loopback import is_local
from run_claude.stack.local_servers import servers_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

MODELS = """\
models:
  one: {litellm_params: {model: openai/a, api_base: "http://localhost:8080/v1"}}
  two: {litellm_params: {model: openai/b, api_base: "${BASE:-http://localhost:8080/v1}"}}
  far: {litellm_params: {model: openai/c, api_base: "https://gateway.example/v1"}}
  default: {litellm_params: {model: ollama_chat/d}}
  held: {litellm_params: {model: hosted_vllm/e, api_base: os.environ/HELD}}
  lacking: {litellm_params: {model: openai/f, api_base: "http://localhost:1", api_key: os.environ/GONE}}
"""


def test_each_address_is_looked_at_once_for_the_models_that_can_be_used(paths: Paths, write: Write) -> None:
    write("models.yaml", MODELS)
    catalogue = load_catalogue(paths)
    found = servers_of(catalogue, {"HELD": "http://127.0.0.1:9/v1"})
    assert [(server.models, server.provider, server.base, server.inside) for server in found] == [
        (("one", "two"), "openai", "http://localhost:8080/v1", "http://host.docker.internal:8080/v1"),
        (("default",), "ollama_chat", "http://localhost:11434", "http://host.docker.internal:11434"),
        (("held",), "hosted_vllm", "http://127.0.0.1:9/v1", "http://host.docker.internal:9/v1"),
    ]
    assert [server.models for server in servers_of(catalogue, {}, ["default", "far"])] == [("default",)]


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1", True),
        ("http://[::1]:1", True),
        ("http://host.docker.internal:1", True),
        ("http://192.168.1.4:1", True),
        ("http://gpu:1", True),
        ("http://gpu.lan:1", True),
        ("https://api.groq.com", False),
        ("https://8.8.8.8", False),
        ("http://[broken", False),
        ("", False),
    ],
)
def test_near_is_what_no_provider_can_be(url: str, local: bool) -> None:
    assert is_local(url) is local
