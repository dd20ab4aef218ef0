"""Profiles' keys among LiteLLM's own: made, found again, replaced; and no request waits for the database."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest

from .project import MASTER_KEY, boot_module

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("boot")]


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


class LiteLLM:
    """Its administration of keys, and its memory of them."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}  # name by hash
        self.remembered: set[str] = set()
        self.asked: list[str] = []
        self.status = 0  # what a database that has failed answers
        self.hangs = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        given = json.loads(body) if body else dict(parse_qsl(scope["query_string"].decode()))
        key = dict(scope["headers"])[b"authorization"].decode().removeprefix("Bearer ")
        self.asked.append(scope["path"])
        if self.hangs:
            await asyncio.Event().wait()
        status, answer = self.status or 200, {}
        if not self.status:
            assert key == MASTER_KEY or scope["path"] == "/v1/models"
            status, answer = getattr(self, scope["path"].strip("/").replace("/", "_"))(key, given)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(answer).encode()})

    def key_list(self, _key: str, given: Any) -> tuple[int, Any]:
        return 200, {"keys": [one for one, name in self.kept.items() if name == given["key_alias"]]}

    def key_info(self, _key: str, given: Any) -> tuple[int, Any]:
        return (200 if hashed(given["key"]) in self.kept else 404), {}

    def key_delete(self, _key: str, given: Any) -> tuple[int, Any]:
        for one in given["keys"]:
            del self.kept[one]
        return 200, {}

    def key_generate(self, _key: str, given: Any) -> tuple[int, Any]:
        if given["key_alias"] in self.kept.values() or hashed(given["key"]) in self.kept:
            return 400, {}
        assert "llm_api_routes" not in given["allowed_routes"], "those have what passes through"
        self.kept[hashed(given["key"])] = given["key_alias"]
        return 200, {}

    def v1_models(self, key: str, _given: Any) -> tuple[int, Any]:
        if hashed(key) not in self.kept:
            return 401, {}
        self.remembered.add(hashed(key))
        return 200, {}


class Stage:
    def __init__(self, routes: Path) -> None:
        table = {"one": {"models": ["a"]}, "two": {"models": ["b"]}, "unserved": {}}
        (routes / "profiles.json").write_text(json.dumps({"profiles": table}))
        self.litellm = LiteLLM()
        self.keys = boot_module("keys").ClientKeys(MASTER_KEY, routes)
        self.virtual: Any = self.fresh()

    def fresh(self) -> Any:
        """Return them as after a start."""
        made = boot_module("virtual_keys").VirtualKeys
        return made(self.litellm, self.keys, MASTER_KEY, self.litellm.remembered.discard)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def test_a_start_makes_the_keys_of_profiles_that_have_a_model(stage: Stage) -> None:
    await stage.virtual.started()
    await stage.virtual._first
    assert sorted(stage.litellm.kept.values()) == ["run-claude:one", "run-claude:two"]
    assert stage.litellm.remembered == set(stage.litellm.kept)


async def test_a_restart_finds_them_again(stage: Stage) -> None:
    assert await stage.virtual.is_known("one")
    stage.litellm.asked.clear()
    assert await stage.fresh().is_known("one")
    assert stage.litellm.asked == ["/key/list", "/v1/models"]


async def test_what_is_known_asks_nothing(stage: Stage) -> None:
    assert await stage.virtual.is_known("one")
    stage.litellm.asked.clear()
    assert await stage.virtual.is_known("one")
    assert not stage.litellm.asked


async def test_many_requests_ask_once(stage: Stage) -> None:
    found = await asyncio.gather(*(stage.virtual.is_known("one") for _ in range(50)))
    assert (found, stage.litellm.asked.count("/key/generate")) == ([True] * 50, 1)


async def test_after_a_rotation_the_key_of_before_is_gone(stage: Stage) -> None:
    stage.litellm.kept = {hashed("sk-of-an-earlier-master-key"): "run-claude:one"}
    assert await stage.virtual.is_known("one")
    assert stage.litellm.kept == {hashed(stage.keys.of("one")): "run-claude:one"}


async def test_a_database_made_anew_gets_them_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await stage.virtual.is_known("one")
    stage.litellm.kept.clear()
    monkeypatch.setattr(boot_module("virtual_keys"), "_FRESH", -1)  # a minute later
    assert await stage.fresh().is_known("one")
    assert list(stage.litellm.kept.values()) == ["run-claude:one"]


async def test_one_that_somebody_has_renamed_stays(stage: Stage) -> None:
    stage.litellm.kept = {hashed(stage.keys.of("one")): "of the build server"}
    assert await stage.virtual.is_known("one")
    assert list(stage.litellm.kept.values()) == ["of the build server"]


async def test_while_the_database_fails_requests_go_on_and_it_is_left_alone(stage: Stage) -> None:
    stage.litellm.status = 503
    assert not await stage.virtual.is_known("one")
    stage.litellm.asked.clear()
    assert not await stage.virtual.is_known("one")
    assert not await stage.virtual.is_known("two")
    assert not stage.litellm.asked


async def test_no_request_waits_for_a_database_that_hangs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_module("virtual_keys"), "_WITHIN", 0.01)
    stage.litellm.hangs = True
    assert not await stage.virtual.is_known("one")
    stage.litellm.hangs = False
    assert not await stage.virtual.is_known("one"), "not asked so soon"
    for task in stage.virtual._asking.values():
        task.cancel()


async def test_a_key_of_litellms_own_is_known_and_asked_for_once(stage: Stage) -> None:
    stage.litellm.kept[hashed("sk-of-the-pages-0123456789")] = "mine"
    for _ in range(2):
        assert await stage.virtual.has("sk-of-the-pages-0123456789")
        assert not await stage.virtual.has("sk-of-nobody-0123456789")
    assert stage.litellm.asked == ["/key/info"] * 2
    assert not await stage.virtual.has("aaaaaaaaaaaaaaaaaaaaaaaa"), "no key of LiteLLM's looks so"
    assert len(stage.litellm.asked) == 2


async def test_while_the_database_is_away_litellm_decides_of_keys_of_its_own(stage: Stage) -> None:
    stage.litellm.status = 503
    assert await stage.virtual.has("sk-of-nobody-0123456789")


async def test_a_key_that_cannot_be_made_is_told_and_not_tried_at_each_request(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stage.litellm, "key_generate", lambda *_: (400, {}))
    for _ in range(3):
        assert not await stage.virtual.is_known("one")
    assert stage.litellm.asked == ["/key/list", "/key/generate", "/key/info"]
    assert "no key for profile one" in caplog.text


async def test_a_key_that_was_refused_is_not_helped_by_a_database_that_is_away(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage.litellm, "v1_models", lambda *_: (429, {}))
    assert await stage.virtual.is_known("one")
    stage.virtual._known.clear()  # a minute later
    stage.litellm.status = 503
    assert await stage.virtual.is_known("one"), "LiteLLM gets the key that it has refused"
    assert not await stage.virtual.is_known("two")
