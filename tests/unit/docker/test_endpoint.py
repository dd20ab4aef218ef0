"""Which engine: by the docker CLI's own rules."""

from __future__ import annotations

import json
import ssl
from typing import TYPE_CHECKING

import pytest

from run_claude.docker.endpoint import DEFAULT_HOST, Endpoint, resolve_endpoint
from run_claude.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# A docker command that knows the contexts `work` and `secure`, and leaves every other one unknown.
_DOCKER = """#!/bin/sh
case "$1 $2 $3" in
"context inspect work")
    echo '[{"Name": "work", "Endpoints": {"docker": {"Host": "unix:///work.sock"}}, "TLSMaterial": {}}]' ;;
"context inspect current")
    echo '[{"Name": "current", "Endpoints": {"docker": {"Host": "unix:///current.sock"}}}]' ;;
"context inspect secure")
    echo '[{"Name": "secure", "Endpoints": {"docker": {"Host": "tcp://far:2376", "SkipTLSVerify": true}},
            "TLSMaterial": {"docker": ["ca.pem", "cert.pem", "key.pem"]}, "Storage": {"TLSPath": "/store"}}]' ;;
*) echo "context not found" >&2; echo '[]'; exit 1 ;;
esac
"""


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment with that docker command, and a home whose current context is ``current``."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text(_DOCKER)
    (folder / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))  # where the command is looked up
    config = tmp_path / "home" / ".docker"
    config.mkdir()
    (config / "config.json").write_text(json.dumps({"currentContext": "current"}))
    return {"PATH": str(folder), "HOME": str(tmp_path / "home")}


CURRENT = Endpoint("unix:///current.sock", context="current")
WORK = Endpoint("unix:///work.sock", context="work")


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, CURRENT),
        ({"DOCKER_CONTEXT": "work"}, WORK),
        ({"DOCKER_CONTEXT": "default"}, Endpoint(DEFAULT_HOST)),
        ({"DOCKER_CONTEXT": ""}, CURRENT),
        ({"DOCKER_HOST": "unix:///host.sock"}, Endpoint("unix:///host.sock")),
        ({"DOCKER_HOST": "unix:///host.sock", "DOCKER_CONTEXT": "work"}, Endpoint("unix:///host.sock")),
        ({"DOCKER_HOST": "unix:///host.sock", "DOCKER_CONTEXT": "no-such"}, Endpoint("unix:///host.sock")),
        ({"DOCKER_HOST": "", "DOCKER_CONTEXT": "work"}, WORK),
    ],
)
def test_the_host_beats_the_context_and_that_the_current_context(
    environ: dict[str, str], variables: Mapping[str, str], expected: Endpoint
) -> None:
    assert resolve_endpoint({**environ, **variables}) == expected


def test_docker_config_names_the_folder(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "work"}))
    assert resolve_endpoint({**environ, "DOCKER_CONFIG": str(tmp_path)}) == WORK


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"currentContext": null}', '{"currentContext": ""}'])
def test_without_a_usable_config_it_is_the_default(environ: dict[str, str], tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "config.json").write_text(text)
    assert resolve_endpoint({**environ, "DOCKER_CONFIG": str(tmp_path)}) == Endpoint(DEFAULT_HOST)


def test_an_unknown_context_is_an_error(environ: dict[str, str]) -> None:
    with pytest.raises(EngineError, match="'no-such'") as caught:
        resolve_endpoint({**environ, "DOCKER_CONTEXT": "no-such"})
    assert caught.value.code == "engine-context"


def test_a_context_without_a_docker_command_is_an_error(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError) as caught:
        resolve_endpoint({**environ, "PATH": str(tmp_path)})
    assert caught.value.code == "docker-cli-missing"


def test_a_context_with_tls_keeps_its_own_store(environ: dict[str, str]) -> None:
    endpoint = resolve_endpoint({**environ, "DOCKER_CONTEXT": "secure"})
    assert endpoint.url == "https://far:2376"
    assert (str(endpoint.tls), endpoint.verify) == ("/store/docker", False)
    assert endpoint.environment() == {"DOCKER_CONTEXT": "secure"}


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({}, None),
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certificates"}, "/certificates"),
        ({"DOCKER_TLS_VERIFY": "1", "DOCKER_CONFIG": "/config"}, "/config"),
        ({"DOCKER_CERT_PATH": "/certificates"}, None),
        ({"DOCKER_CERT_PATH": "/certificates", "DOCKER_TLS_VERIFY": ""}, None),
        ({"DOCKER_CERT_PATH": "/certificates", "DOCKER_TLS": "1"}, "/certificates"),
    ],
)
def test_a_tcp_host_has_tls_if_it_is_asked_for(variables: Mapping[str, str], folder: str | None) -> None:
    endpoint = resolve_endpoint({"DOCKER_HOST": "tcp://far:2376", **variables})
    assert (str(endpoint.tls) if endpoint.tls else None) == folder
    assert endpoint.url == ("https://far:2376" if folder else "http://far:2376")
    assert endpoint.environment()["DOCKER_HOST"] == "tcp://far:2376"
    assert endpoint.environment().get("DOCKER_CERT_PATH") == folder


def test_tls_without_verification_stays_so_for_the_docker_command() -> None:
    endpoint = resolve_endpoint({"DOCKER_HOST": "tcp://far:2376", "DOCKER_TLS": "1", "DOCKER_TLS_VERIFY": ""})
    assert not endpoint.verify
    assert "DOCKER_TLS_VERIFY" not in endpoint.environment()
    assert resolve_endpoint({"DOCKER_HOST": "tcp://far:2376", **endpoint.environment()}) == endpoint


def test_a_unix_host_has_a_socket_and_a_tcp_host_none() -> None:
    assert str(Endpoint("unix:///a/b.sock").socket) == "/a/b.sock"
    assert Endpoint("tcp://far:1").socket is None
    assert Endpoint("unix:///a/b.sock").ssl_context() is None


def test_compose_gets_the_same_engine(environ: dict[str, str]) -> None:
    assert resolve_endpoint(environ).environment() == {"DOCKER_HOST": "unix:///current.sock"}


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_certificates_that_cannot_be_used_are_told(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        for name in ("ca.pem", "cert.pem", "key.pem"):
            (tmp_path / name).write_text(content)
    with pytest.raises(EngineError) as caught:
        Endpoint("tcp://far:2376", tls=tmp_path).ssl_context()
    assert caught.value.code == "engine-tls"
    assert isinstance(caught.value.__cause__, OSError | ssl.SSLError)
