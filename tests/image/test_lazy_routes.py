"""Routes that are built when they are needed answer as those that FastAPI builds at once (boot/lazy_routes.py)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .project import REPOSITORY, docker

pytestmark = pytest.mark.engine

INSIDE = (REPOSITORY / "tests/image/inside/routes.py").read_text()


@pytest.fixture(scope="module")
def told(image: str) -> dict[str, dict[str, Any]]:
    """What an app with FastAPI's kinds of routes answers, built at once and when needed; the FastAPI is the image's."""
    script = 'for which in eager lazy; do python -W ignore -c "$0" $which || exit; done'
    options = ("--rm", "--network", "none", "--entrypoint", "sh", "--env", "PYTHONHASHSEED=0")  # the order of sets
    printed = docker("run", *options, image, "-c", script, INSIDE)
    eager, lazy = (json.loads(line) for line in printed.splitlines())
    return {"eager": eager, "lazy": lazy}


def test_each_request_gets_the_same_answer(told: dict[str, dict[str, Any]]) -> None:
    assert told["lazy"]["answers"] == told["eager"]["answers"]
    codes = {code for _, _, code, _, _ in told["eager"]["answers"]}
    assert codes == {200, 201, 401, 404, 405, 422}, "what an app can answer"


def test_the_openapi_document_and_the_addresses_are_the_same(told: dict[str, dict[str, Any]]) -> None:
    assert told["lazy"]["openapi"] == told["eager"]["openapi"]
    assert len(told["eager"]["openapi"]["paths"]) == 5
    assert told["lazy"]["url"] == told["eager"]["url"] == "/v1/outer/inner/things/1/x"


def test_none_is_built_before_it_is_asked_for(told: dict[str, dict[str, Any]]) -> None:
    assert told["lazy"]["built at first"] == []
    assert told["lazy"]["built by one request"] == ["plain"]
