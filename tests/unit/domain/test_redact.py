"""No secret is left in a text: known by value in any form, or by its looks; everything else stays."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from run_claude.domain.redact import looks_secret, redacted, secret_values

SECRET = "pa$$ wörd/with+every=thing&more\\n"


@pytest.mark.parametrize(
    "text",
    [
        SECRET,
        f"before{SECRET}after",
        quote(SECRET, safe=""),
        json.dumps({"key": SECRET}),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_known_value_is_gone_in_every_form(text: str) -> None:
    left = redacted(text, [SECRET])
    assert "wörd" not in left
    assert quote("wörd") not in left
    assert base64.b64encode(SECRET.encode()).decode()[:12] not in left


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("key sk-ant-api03-abcdefgh_ij-KL", "abcdefgh"),
        ("Authorization: Bearer abcdef123456", "abcdef123456"),
        ("authorization=Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("'Authorization': 'secretvalue'", "secretvalue"),
        ("curl -H 'x-api-key: plain-value-1'", "plain-value-1"),
        ('{"api_key": "plain-value-2"}', "plain-value-2"),
        ("postgresql://postgres:hunter22@timescaledb:5432/litellm", "hunter22"),
        ("https://user:p%40ss@proxy.example:3128", "p%40ss"),
        ("https://ghp_abcdefghij@github.com/x", "abcdefghij"),
        ("PGPASSWORD=hunter22 psql", "hunter22"),
        ('"aws_secret_access_key": "x", "client_secret": "plain-value-3"', "plain-value-3"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("AIzaSyA-1234567890abcdef", "1234567890"),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "c2lnbmF0dXJl"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIEabc\nxyz\n-----END RSA PRIVATE KEY-----", "MIIEabc"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEabc cut off", "MIIEabc"),
    ],
)
def test_what_looks_like_a_secret_is_gone_though_nobody_knows_it(text: str, secret: str) -> None:
    left = redacted(text, [])
    assert secret not in left
    assert "[redacted]" in left


@pytest.mark.parametrize(
    "text",
    [
        "litellm      starting → healthy (health check, after 6.51 s)",
        "http://127.0.0.1:4444/health/readiness 200",
        "image run-claude-litellm:4c4c75d1bce5, LITELLM_PORT=4444",
        "api_base: https://api.example.com/v1",
        "INFO: 172.18.0.1:55555 - POST /v1/messages 200 OK",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text, []) == text


def test_a_secret_that_is_part_of_another_leaves_nothing_of_it() -> None:
    assert redacted("abcd-efgh-ijkl", ["abcd", "abcd-efgh-ijkl"]) == "[redacted]"


def test_each_line_of_a_long_secret_is_one() -> None:
    credentials = '{\n "private_key_id": "0123456789abcdef",\n "x": 1\n}'
    assert "0123456789abcdef" not in redacted('log: "private_key_id": "0123456789abcdef",', [credentials])


def test_the_home_folder_is_no_ones_name() -> None:
    assert redacted("/home/jane/.config/run-claude", [], home="/home/jane") == "~/.config/run-claude"


def test_every_value_of_the_file_counts_except_our_settings() -> None:
    file = {
        "MY_OWN": "something",
        "OPENAI_API_KEY": "abcd",
        "RUN_CLAUDE_TIMESCALEDB_PASSWORD": "pass-word",
        "RUN_CLAUDE_INSTANCE": "run-claude",
        "LITELLM_PORT": "4444",
        "LITELLM_MASTER_KEY": "sk-master",
        "EMPTY": "",
    }
    assert secret_values(file, {}) == {"something", "abcd", "pass-word", "sk-master"}


def test_of_the_environment_what_is_named_like_a_secret_counts() -> None:
    process = {"AWS_SECRET_ACCESS_KEY": "value1", "GH_TOKEN": "value2", "PATH": "/usr/bin", "LANG": "C.UTF-8"}
    assert secret_values({}, process) == {"value1", "value2"}
    assert not looks_secret("RUN_CLAUDE_HOME")
    assert looks_secret("RUN_CLAUDE_TIMESCALEDB_PASSWORD")
    assert not looks_secret("SSH_AUTH_SOCK")


@given(st.text(min_size=4), st.text(), st.text())
def test_no_known_value_survives_wherever_it_stands(secret: str, before: str, after: str) -> None:
    if secret.strip() and secret.strip() not in "[redacted]":
        left = redacted(f"{before}{secret}{after}", [secret])
        assert secret not in left.replace("[redacted]", "\0")
