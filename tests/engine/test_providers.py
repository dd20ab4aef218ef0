"""How the proxy reaches providers: on this machine, and through a company's HTTP proxy."""

from __future__ import annotations

import json
import urllib.request
from typing import TYPE_CHECKING

import pytest

from ..image.upstream import ANSWER, Upstream
from .commands import instance
from .instance import docker

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["instance"]

pytestmark = [pytest.mark.engine, pytest.mark.slow]

MODELS = """
models:
  local:
    litellm_params: {{model: openai/x, api_base: "http://localhost:{port}/v1", api_key: k}}
  remote:
    litellm_params: {{model: openai/x, api_base: "http://provider.invalid/v1", api_key: k}}
"""


def ask(instance: Instance, model: str) -> str:
    """Return what the proxy answers for a model."""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    headers = {"Authorization": f"Bearer {instance.secrets()[0]}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{instance.url}/v1/chat/completions", body, headers)  # noqa: S310 (loopback)
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return str(answer.read().decode())


def test_a_model_of_this_machine_is_reached_directly_and_others_through_the_users_proxy(instance: Instance) -> None:
    # What listens on this machine's loopback is out of a container's reach, whoever runs it: so does Ollama's default.
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    with Upstream(gateway) as local, Upstream(gateway) as proxy:
        instance.config.mkdir(parents=True)
        (instance.config / "models.yaml").write_text(MODELS.format(port=local.port))
        instance.extra = {"HTTP_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": "10.0.0.0/8"}
        instance.start("--no-db")
        assert ANSWER in ask(instance, "remote")
        assert ANSWER in ask(instance, "local")
    assert "/v1/chat/completions" in [request.path for request in local.requests]
    assert "http://provider.invalid/v1/chat/completions" in [request.path for request in proxy.requests]
    assert not any("localhost" in request.path or "docker.internal" in request.path for request in proxy.requests)
