"""LiteLLM's administration for the tests of the database mode: what a team makes, and whether it is all there."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from .instance import Instance

__all__ = ["CREDENTIAL", "MODEL_KEY", "Admin", "Kept"]

CREDENTIAL, MODEL_KEY = "sk-planted-credential-0001", "sk-planted-model-key-0002"
_WITHIN = 60  # seconds
_CONNECTIONS = 10  # of LiteLLM to its database: each of them may be gone


@dataclass
class Kept:
    """What was made: it has to survive."""

    team: str
    key: str
    requests: int = 0  # that were answered with this key


@dataclass
class Admin:
    """Calls with the master key as it is in `.env` now, and with others."""

    instance: Instance
    client: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = httpx.Client(base_url=self.instance.url, timeout=_WITHIN)

    @property
    def master_key(self) -> str:
        lines = (self.instance.config / ".env").read_text().splitlines()
        return next(line.partition("=")[2] for line in lines if line.startswith("LITELLM_MASTER_KEY="))

    def call(self, method: str, path: str, **body: object) -> Any:
        headers = {"authorization": f"Bearer {self.master_key}"}
        answer = self.client.request(method, path, json=body or None, headers=headers)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()

    def ask(self, key: str, model: str = "demo-opus", *, login: str = "") -> int:
        """Send one streamed message as Claude Code does; return the status of the answer.

        :param login: that of a subscription, with which Claude Code is logged in
        """
        message = {
            "model": model,
            "max_tokens": 16,
            "stream": True,
            "messages": [{"role": "user", "content": "hi"}],
        }
        headers = {"x-api-key": key}
        if login:
            headers = {"authorization": f"Bearer {login}", "x-litellm-api-key": f"Bearer {key}"}
        return self.client.post("/v1/messages", json=message, headers=headers).status_code

    def make(self) -> Kept:
        """Make one of each thing that LiteLLM keeps."""
        team = self.call("POST", "/team/new", team_alias="crew")["team_id"]
        self.call("POST", "/user/new", user_id="ada", auto_create_key=False)
        values = {"api_key": CREDENTIAL}
        self.call("POST", "/credentials", credential_name="vault", credential_values=values, credential_info={})
        cost = {"input_cost_per_token": 0.5, "output_cost_per_token": 0.5}  # with one of them alone it is 0
        params = {"model": "demo/opus", "api_key": MODEL_KEY, **cost}
        self.call("POST", "/model/new", model_name="stored", litellm_params=params)
        key = self.call("POST", "/key/generate", team_id=team, user_id="ada", models=["stored", "demo-opus"])["key"]
        return Kept(team, key)

    def use(self, kept: Kept, requests: int = 5) -> None:
        """Have requests answered whose spend is LiteLLM's to keep."""
        answered = [self.ask(kept.key, "stored") for _ in range(requests)]
        assert answered == [200] * requests, answered
        kept.requests += requests

    def check(self, kept: Kept) -> None:
        """Find everything that was made, readable and at work."""
        assert self.call("GET", f"/team/info?team_id={kept.team}")["team_info"]["team_alias"] == "crew"
        assert self.call("GET", "/user/info?user_id=ada")["user_info"]["user_id"] == "ada"
        assert [row["credential_name"] for row in self.call("GET", "/credentials")["credentials"]] == ["vault"]
        self.use(kept, 1)  # the model is found, and decrypted

    def wait(self, kept: Kept) -> None:
        """Wait until LiteLLM has connected again: its first questions still go to connections that are gone."""
        limit, answered = time.monotonic() + _WITHIN, 0
        headers = {"authorization": f"Bearer {self.master_key}"}
        while answered <= _CONNECTIONS:
            assert time.monotonic() < limit, f"LiteLLM has not connected to its database within {_WITHIN} s"
            if self.client.get(f"/team/info?team_id={kept.team}", headers=headers).is_success:
                answered += 1
            else:
                answered = 0
                time.sleep(0.2)  # without it, the questions take a core

    def sql(self, statement: str) -> str:
        """Ask LiteLLM's own database."""
        return self.instance.psql("litellm", statement)

    def check_spend(self, kept: Kept) -> None:
        """Find one row for each request, and all of them in the day's sums; LiteLLM writes them within seconds."""
        limit = time.monotonic() + _WITHIN
        while (told := self.spend()) != (kept.requests, kept.requests) and time.monotonic() < limit:
            time.sleep(1)
        assert told == (kept.requests, kept.requests)

    def spend(self) -> tuple[int, int]:
        """Return how many answered requests of the stored model were written, as rows and in the day's sums."""
        rows, days = self.sql("""SELECT
            (SELECT count(*) FROM "LiteLLM_SpendLogs" WHERE model_group = 'stored' AND spend > 0),
            (SELECT coalesce(sum(successful_requests), 0)
                FROM "LiteLLM_DailyUserSpend" WHERE model_group = 'stored')""").split("|")
        return int(rows), int(days)
