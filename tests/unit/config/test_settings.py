from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from run_claude.config import certificates as module
from run_claude.config.addresses import exposed, published
from run_claude.config.settings import Prisma, load_settings
from run_claude.domain.lifecycle import Service
from run_claude.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Write = Callable[[str, str], Path]


def test_defaults_are_the_documented_ones(environ: dict[str, str]) -> None:
    settings = load_settings(environ)
    assert settings.instance == "run-claude"
    assert settings.bind == "127.0.0.1"
    assert (settings.port, settings.database_port, settings.database_bind) == (4444, None, "127.0.0.1")
    assert settings.python_image == "python:3.13-slim"
    assert settings.timescaledb_image == "timescale/timescaledb:2.23.1-pg17"
    assert settings.base_url == "http://127.0.0.1:4444"
    assert settings.prisma is Prisma.ON


@pytest.mark.parametrize(
    ("value", "prisma"),
    [("on", Prisma.ON), ("true", Prisma.ON), ("Native", Prisma.NATIVE), ("off", Prisma.OFF), ("0", Prisma.OFF)],
)
def test_prismas_engines_come_from_npm_or_are_its_own_or_there_are_none(
    environ: dict[str, str], value: str, prisma: Prisma
) -> None:
    assert load_settings({**environ, "RUN_CLAUDE_PRISMA": value}).prisma is prisma


def test_loading_changes_nothing_on_disk(environ: dict[str, str], tmp_path: Path) -> None:
    load_settings(environ)
    assert not (tmp_path / "config").exists()


def test_the_process_wins_over_the_file_and_an_argument_over_both(environ: dict[str, str], write: Write) -> None:
    write(".env", "LITELLM_PORT=5001\nRUN_CLAUDE_TIMESCALEDB_PORT=5002\n")
    assert load_settings(environ).port == 5001
    environ["LITELLM_PORT"] = "5003"
    assert load_settings(environ).port == 5003
    assert load_settings(environ).database_port == 5002
    assert load_settings(environ, port=5004).port == 5004
    assert load_settings(environ, database_port=5005).database_port == 5005
    assert load_settings(environ, database_port="off").database_port is None


def test_the_databases_port_is_published_where_it_was_asked_for(environ: dict[str, str], write: Write) -> None:
    assert load_settings(environ).database_port is None
    write(".env", "RUN_CLAUDE_TIMESCALEDB_PORT=5433\n")
    assert load_settings(environ).database_port == 5433
    assert load_settings({**environ, "RUN_CLAUDE_TIMESCALEDB_PORT": "off"}).database_port is None


def test_the_address_of_one_service_is_not_the_others(environ: dict[str, str]) -> None:
    opened = load_settings({**environ, "RUN_CLAUDE_BIND": "::", "RUN_CLAUDE_TIMESCALEDB_PORT": "5433"})
    assert published(opened)[Service.TIMESCALEDB].bind == "127.0.0.1"
    assert [words.split()[0] for words in exposed(opened)] == ["litellm"]
    assert exposed(load_settings({**environ, "RUN_CLAUDE_TIMESCALEDB_BIND": "::"})) == [], "its port is not published"
    both = load_settings({**environ, "RUN_CLAUDE_TIMESCALEDB_BIND": "::", "RUN_CLAUDE_TIMESCALEDB_PORT": "5433"})
    assert "[::]:5433 (RUN_CLAUDE_TIMESCALEDB_BIND)" in exposed(both)[0]


def test_an_empty_variable_of_the_process_leaves_the_file_its_say(environ: dict[str, str], write: Write) -> None:
    write(".env", "LITELLM_PORT=5001\n")
    assert load_settings({**environ, "LITELLM_PORT": ""}).port == 5001


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LITELLM_PORT", "0"),
        ("LITELLM_PORT", "65536"),
        ("LITELLM_PORT", "-1"),
        ("LITELLM_PORT", "4444x"),
        ("LITELLM_PORT", "٤٤٤٤"),  # digits to `int`, and to nobody else here
        ("RUN_CLAUDE_TIMESCALEDB_PORT", "postgres"),
        ("RUN_CLAUDE_BIND", "localhost"),
        ("RUN_CLAUDE_SPEND_LOGS_RETENTION", "30"),
        ("RUN_CLAUDE_SPEND_LOGS_RETENTION", "0d"),
        ("RUN_CLAUDE_BIND", "127.0.0.1:4444"),
        ("RUN_CLAUDE_INSTANCE", "Upper"),
        ("RUN_CLAUDE_INSTANCE", "-x"),
        ("RUN_CLAUDE_INSTANCE", "a/b"),
        ("RUN_CLAUDE_INSTANCE", "x" * 41),
        ("RUN_CLAUDE_PRISMA", "maybe"),
        ("RUN_CLAUDE_PYTHON_IMAGE", "python 3"),
        ("RUN_CLAUDE_TIMESCALEDB_IMAGE", "--privileged"),
        ("RUN_CLAUDE_LITELLM_MEMORY", "much"),
        ("RUN_CLAUDE_LITELLM_MEMORY", "0g"),
        ("RUN_CLAUDE_LITELLM_PIDS", "0"),
        ("RUN_CLAUDE_CONTAINER_USER", "root"),
        ("RUN_CLAUDE_CALLBACKS", "/no/such/folder"),
        ("RUN_CLAUDE_CA_BUNDLE", "/no/such/file"),
    ],
)
def test_a_bad_value_names_where_it_is_set(environ: dict[str, str], write: Write, name: str, value: str) -> None:
    path = write(".env", f"# first line\n{name}='{value}'\n")
    with pytest.raises(ConfigError) as raised:
        load_settings(environ)
    assert raised.value.message.startswith(f"{path}:2: {name}: ")
    assert (raised.value.facts["file"], raised.value.facts["line"], raised.value.facts["key"]) == (str(path), 2, name)

    path.unlink()
    with pytest.raises(ConfigError) as raised:
        load_settings({**environ, name: value})
    assert raised.value.message.startswith(f"{name} (in the environment): ")


def test_an_argument_that_cannot_be_used_is_a_usage_error(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        load_settings(environ, instance="Not Good")


@pytest.mark.parametrize(("text", "period"), [("30d", "30d"), ("off", ""), ("", "")])
def test_the_rows_of_requests_stay_for_as_long_as_is_said(environ: dict[str, str], text: str, period: str) -> None:
    assert load_settings({**environ, "RUN_CLAUDE_SPEND_LOGS_RETENTION": text}).spend_logs_retention == period


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:4444"),  # noqa: S104 (not bound here)
        ("::", "http://[::1]:4444"),
        ("::1", "http://[::1]:4444"),
        ("10.0.0.5", "http://10.0.0.5:4444"),
    ],
)
def test_clients_get_an_address_that_can_be_connected_to(environ: dict[str, str], bind: str, url: str) -> None:
    assert load_settings({**environ, "RUN_CLAUDE_BIND": bind}).base_url == url


def test_the_container_runs_as_the_user_but_never_as_root(
    environ: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1001)
    assert load_settings(environ).container_user == (1000, 1001)
    monkeypatch.setattr(os, "getgid", lambda: 1_234_567)
    assert load_settings(environ).container_user == (10001, 10001), "a user namespace may lack it"
    monkeypatch.setattr(os, "getuid", lambda: 0)
    assert load_settings(environ).container_user == (10001, 10001)


def test_the_ca_bundle_is_what_the_user_names_else_what_the_machine_trusts(
    environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system, company, named = tmp_path / "system.crt", tmp_path / "company.crt", tmp_path / "named.crt"
    for path in (system, company, named):
        path.write_text("")
    monkeypatch.setattr(module, "_SYSTEM_CA", ("/no/such", str(system)))
    monkeypatch.setattr(sys, "platform", "linux")
    assert load_settings(environ).ca_bundle == system
    environ["SSL_CERT_FILE"] = str(company)
    assert load_settings(environ).ca_bundle == company
    environ["RUN_CLAUDE_CA_BUNDLE"] = str(named)
    assert load_settings(environ).ca_bundle == named
    monkeypatch.setattr(sys, "platform", "darwin")
    assert load_settings({name: environ[name] for name in ("HOME", "RUN_CLAUDE_HOME")}).ca_bundle is None


def test_no_key_shows_in_repr(environ: dict[str, str]) -> None:
    settings = load_settings({**environ, "OPENAI_API_KEY": "sk-planted"})
    assert "sk-planted" not in repr(settings) + repr(settings.environment())


def test_a_value_that_is_no_text_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="LITELLM_PORT"):
        load_settings({**environ, "LITELLM_PORT": "\udcff"})
