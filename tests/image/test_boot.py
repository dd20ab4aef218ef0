"""What the container's entrypoint does before LiteLLM runs, as far as it needs no container."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from run_claude.domain.marks import mark_in, unsealed

from .project import MASTER_KEY, PASSWORD, boot_module

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("boot")


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Any:
    variables = {"HOST": "timescaledb", "USERNAME": "postgres", "PASSWORD": PASSWORD, "NAME": "my db"}
    for name, value in variables.items():
        monkeypatch.setenv(f"DATABASE_{name}", value)
    return boot_module("database").Database.from_environment()


def test_without_a_host_there_is_no_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_HOST", raising=False)
    assert boot_module("database").Database.from_environment() is None


def test_an_address_holds_any_password_and_the_size_of_the_pool(database: Any) -> None:
    address = urlsplit(database.url({}))
    assert unquote(address.password or "") == PASSWORD
    assert (address.hostname, address.port, unquote(address.path)) == ("timescaledb", 5432, "/my db")
    assert address.query == "connection_limit=10&pool_timeout=60&max_idle_connection_lifetime=60"


def test_two_engines_at_once_leave_five_connections_of_the_25_of_the_official_image(database: Any) -> None:
    assert 2 * int(urlsplit(database.url({})).query.partition("&")[0].rpartition("=")[2]) <= 20


def test_an_address_heeds_what_the_configuration_says_of_the_pool(database: Any) -> None:
    settings = {"database_connection_pool_limit": 3, "database_connection_timeout": 7}
    assert "connection_limit=3&pool_timeout=7&" in database.url(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "Error: P3018\n\nMigration name: 2026_add it\n\nDatabase error code: 42P01\n\n"
            'Database error:\nERROR: relation "X" does not exist\n',
            'the migration 2026_add it of LiteLLM\'s database failed: relation "X" does not exist (42P01)',
        ),
        (
            "Error: P3009\n\nThe `20260101_first` migration started at 2026-01-01 failed\n",
            "the migration 20260101_first of LiteLLM's database failed: P3009",
        ),
        (
            "Error: P1000: Authentication failed",
            "a migration of LiteLLM's database failed: P1000: Authentication failed",
        ),
        ("", "a migration of LiteLLM's database failed"),
    ],
)
def test_a_failed_migration_is_named_with_the_databases_words(text: str, words: str) -> None:
    assert boot_module("migrations").explain(text) == words


def test_a_password_is_on_no_command_line_of_prismas(
    database: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    without_password = boot_module("migrations").without_password
    monkeypatch.setenv("PRISMA_SCHEMA_ENGINE_BINARY", str(tmp_path / "schema-engine"))
    url = database.url({})
    assert without_password(url) == {"DATABASE_URL": url}, "the native engine knows no other way"
    (tmp_path / "schema.json").touch()
    told = without_password(url)
    assert told["PGPASSWORD"] == PASSWORD
    assert urlsplit(told["DATABASE_URL"]) == urlsplit(url)._replace(netloc="postgres@timescaledb:5432")


def test_what_it_says_is_sealed_as_the_controller_checks_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = boot_module("words")
    monkeypatch.delenv("LITELLM_MASTER_KEY", raising=False)
    words.say("before it has\nits secrets")
    assert capsys.readouterr().err == "run-claude: before it has its secrets\n"
    monkeypatch.setenv("LITELLM_MASTER_KEY", MASTER_KEY)
    with pytest.raises(SystemExit):
        words.fail("callback x: Ünïcode\n [0123456789abcdef]" + "!" * 5000, 3)
    line = capsys.readouterr().err.removesuffix("\n")
    assert "\n" not in line
    assert str(mark_in(line, MASTER_KEY)).startswith("error: callback x: Ünïcode [0123456789abcdef]!!!")
    assert len(line) < 2100
    assert MASTER_KEY not in line
    assert mark_in(line, f"{MASTER_KEY}0") is None
    assert mark_in(line.replace("callback x", "callback y"), MASTER_KEY) is None
    assert unsealed(f"litellm-1  | {line}").endswith("!")


def test_a_file_of_the_users_has_a_folder_whoever_asks_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also a migration ahead of an upgrade, which runs without what a start does first."""
    entrypoint = importlib.import_module("entrypoint")
    monkeypatch.setattr(entrypoint, "FILES", tmp_path / "run-claude/files")
    name, _ = entrypoint.variable("file:GOOGLE_APPLICATION_CREDENTIALS", "{}")
    assert (name, (tmp_path / "run-claude/files" / name).read_text()) == ("GOOGLE_APPLICATION_CREDENTIALS", "{}")
