"""What is wrong with a local server, from what was seen of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from run_claude.domain.local_servers import Seen, Server, server_failure

if TYPE_CHECKING:
    from collections.abc import Mapping

Answers = dict[str, tuple[int, str]]


def _server(provider: str, base: str = "http://localhost:8080/v1") -> Server:
    return Server(models=("mine", "too"), provider=provider, base=base, inside=base)


def _answers(models: int, v1: int, ollama: int, *kinds: str) -> Answers:
    named = [*kinds, "other", "other", "other"]
    return {
        "/models": (models, named[0]),
        "/v1/models": (v1, named[1]),
        "/api/version": (ollama, named[2]),
    }


OPENAI = _answers(200, 200, 404, "models", "models")
OLLAMA = _answers(404, 200, 200, "other", "models", "ollama")
CHAT_ONLY = _answers(404, 404, 404)
LOCKED = _answers(401, 401, 401)
ANYTHING = _answers(200, 200, 200, "json", "json", "json")


@pytest.mark.parametrize(
    ("provider", "answers"),
    [
        ("openai", OPENAI),
        ("openai", CHAT_ONLY),
        ("openai", LOCKED),
        ("hosted_vllm", OPENAI),
        ("ollama_chat", OLLAMA),
        ("openai", _answers(200, 200, 200, "models", "models", "ollama")),  # Ollama's own /v1
        ("anthropic", CHAT_ONLY),
        ("openai", {}),  # the program in the container could not run
        ("openai", _answers(-1, -1, -1)),  # too slow: it may be loading a model
    ],
)
def test_nothing_is_said_of_a_server_that_may_be_right(provider: str, answers: Mapping[str, tuple[int, str]]) -> None:
    assert server_failure(_server(provider), Seen(answers=answers)) is None


@pytest.mark.cause("local-server-protocol")
@pytest.mark.parametrize(
    ("provider", "base", "answers", "said"),
    [
        ("openai", "http://localhost:11434", OLLAMA, "api_base: http://localhost:11434/v1"),
        ("ollama_chat", "http://localhost:8080", OPENAI, "openai/NAME, api_base: http://localhost:8080/v1"),
        ("ollama_chat", "http://localhost:8080", CHAT_ONLY, "docs/local-servers.md"),
        ("openai", "http://localhost:8080/v1", ANYTHING, "docs/local-servers.md"),
        ("openai", "http://localhost:1/v1", _answers(404, 404, 200, "other", "other", "ollama"), "ollama_chat/NAME"),
        ("openai", "http://localhost:5432", _answers(0, 0, 0), "http or https"),
    ],
)
def test_another_protocol_is_named_with_what_to_write(
    provider: str, base: str, answers: Mapping[str, tuple[int, str]], said: str
) -> None:
    failure = server_failure(_server(provider, base), Seen(answers=answers))
    assert failure is not None
    assert (failure.code, said in failure.help) == ("local-server-protocol", True)
    assert "mine, too" in failure.message


@pytest.mark.cause("local-server-down", "local-server-loopback", "local-server-blocked")
@pytest.mark.parametrize(
    ("connected", "here", "code", "said"),
    [
        ("refused", False, "local-server-down", "nothing listens at http://localhost:8080/v1"),
        ("refused", None, "local-server-down", "nothing listens"),
        ("refused", True, "local-server-loopback", "127.0.0.1 only"),
        ("timeout", True, "local-server-blocked", "firewall"),
        ("timeout", False, "local-server-down", "nothing listens"),
        ("unknown-host", None, "local-server-down", "there is no host localhost"),
    ],
)
def test_a_server_that_cannot_be_reached_is_told_from_one_that_is_not_there(
    connected: str, here: bool | None, code: str, said: str
) -> None:
    failure = server_failure(_server("openai"), Seen(connected=connected, here=here, answers={}))
    assert failure is not None
    assert failure.code == code
    assert said in failure.message
