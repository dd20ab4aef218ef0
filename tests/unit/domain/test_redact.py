"""No secret is left in a text: known by value in any form, or by its looks; everything else stays."""

from __future__ import annotations

import base64
import json
import re
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
        ("out: `dckr_pat_abcdefghijkl bad`", "abcdefgh"),
        ("x?a=b&X-Amz-Signature=deadbeef&c=d", "deadbeef"),
        (r'"https://x?se=1\u0026sig=deadbeef"', "deadbeef"),
        ("token: abcdef123456", "abcdef"),
        ("password: postgres", "postgres"),
        ("token: 12345678", "12345678"),
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
        "failed to fetch oauth token: unexpected status from GET request",
        'failed to fetch anonymous token: Get "https://r.example/token"',
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


@pytest.mark.parametrize(
    "value",
    [
        *("Permission", "true", "FALSE", "none", "8080", "30s", "0.5", "512m", "10:30"),
        *("/var/run/agent.sock", "~/.config/tokens", r"C:\Users\me\token.txt"),
        *("ollama", "keyring", "disabled", "denied"),
    ],
)
def test_a_word_a_number_or_a_path_is_no_secret_because_its_variable_is_called_so(value: str) -> None:
    assert secret_values({"SOME_API_KEY": value}, {"SOME_TOKEN": value}) == set()


def test_any_word_of_the_environment_stays_in_the_text() -> None:
    assert secret_values({}, {"XYZ_SESSION": "plasmashell", "PASSWORD_STORE": "Gopass"}) == set()


@pytest.mark.parametrize(
    "name", ["LITELLM_MASTER_KEY", "LITELLM_SALT_KEY", "UI_PASSWORD", "RUN_CLAUDE_TIMESCALEDB_PASSWORD"]
)
@pytest.mark.parametrize("value", ["permission", "12345678", "/a/path"])
def test_our_own_secrets_count_whatever_they_look_like(name: str, value: str) -> None:
    assert secret_values({name: value}, {}) == secret_values({}, {name: value}) == {value}


@pytest.mark.parametrize(
    "value", ["/9j4AAQSkZJRgABAQEAYABgAAD", "hunter22", "correct horse", "abcdefghijklmnopqrstuvwxyz"]
)
def test_what_only_begins_like_a_path_or_a_word_counts(value: str) -> None:
    assert secret_values({"SOME_KEY": value}, {"SOME_TOKEN": value}) == {value}


@pytest.mark.parametrize("data", [b"caf\xe9-secret-0123", b"\xff\xfe\x80\x81secret", "wörd-0123".encode("latin-1")])
def test_a_value_that_is_no_utf_8_is_taken_out_however_it_was_decoded(data: bytes) -> None:
    secret = data.decode(errors="surrogateescape")
    for seen in (secret, data.decode(errors="replace"), data.decode("latin-1"), data.decode(errors="backslashreplace")):
        assert redacted(f"a {seen} b", [secret]) == "a [redacted] b"


@given(st.text(alphabet=st.characters(), min_size=4), st.text(alphabet=st.characters()))
def test_no_value_in_any_encoding_makes_it_fail(secret: str, text: str) -> None:
    if secret.strip() and not set(secret) <= set("[redacted]"):
        assert secret not in redacted(text + secret, [secret]).replace("[redacted]", "\0")


def test_a_secret_is_taken_out_where_lower_case_stands_for_a_byte() -> None:
    assert "word" not in redacted("u=pass%2fword%3d1", ["pass/word=1"])


@pytest.mark.parametrize(
    "said",
    [
        "could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
        "all predefined address pools have been fully subnetted",
        "Pool overlaps with other one on this address space",
        "listen bind: cannot assign requested address",
        "error getting credentials: executable file not found",
        "certificate has expired or is not yet valid",
        "pull rate limit exceeded",
        "Temporary failure in name resolution",
    ],
)
def test_no_common_word_of_an_engines_message_is_a_secret_of_a_file(said: str) -> None:
    words = set(re.findall(r"[A-Za-z]{4,}", said))
    file = {f"TOKEN_{number}": word for number, word in enumerate(sorted(words))}
    assert redacted(said, secret_values(file, file)) == said
