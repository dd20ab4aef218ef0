"""How each client is told to use a profile, for one call."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.config.claude_settings import diversions, session_settings
from run_claude.config.client_env import client_environment
from run_claude.config.clients import (
    begins_session,
    check_login,
    codex_toml,
    has_login,
    openai_lines,
    opencode_json,
    prepared,
)
from run_claude.errors import RunClaudeError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from run_claude.config.model import Profile
    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings

KEY = "sk-0123456789abcdef"


@pytest.fixture
def profile(paths: Paths) -> Profile:
    return load_catalogue(paths).profile("demo")


@pytest.fixture
def variables(settings: Settings, profile: Profile) -> dict[str, str]:
    return client_environment(settings, profile, KEY)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path / "home"), "PATH": "/bin"}


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))


def test_any_other_program_gets_the_environment_alone(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    call = prepared(["bash", "-l"], profile, variables, environ, tmp_path)
    assert call.command() == ["bash", "-l"]
    assert call.settings is None
    assert dict(call.environment) == {**environ, **variables}


# --- Claude Code ----------------------------------------------------------------------------------------------------


def test_claude_code_gets_settings_that_win_over_its_files(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    foreign = {
        "ANTHROPIC_BASE_URL": "http://elsewhere",
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "NO_PROXY": "corp",
        "MINE": "1",
    }
    write(tmp_path / "home/.claude/settings.json", {"env": foreign})
    call = prepared(["/opt/claude", "-p", "hi"], profile, variables, environ, tmp_path)
    assert call.command(tmp_path / "file") == ["/opt/claude", "--settings", str(tmp_path / "file"), "-p", "hi"]
    assert call.settings is not None
    env = call.settings["env"]
    assert env["ANTHROPIC_BASE_URL"] == variables["ANTHROPIC_BASE_URL"]
    assert env["ANTHROPIC_AUTH_TOKEN"] == KEY
    assert env["CLAUDE_CODE_USE_BEDROCK"] == ""
    assert env["NO_PROXY"] == "corp,127.0.0.1,localhost,::1"
    assert "ANTHROPIC_MODEL" not in env, "what no file sets is not set either"
    assert "MINE" not in env, "the user's own counts without us"
    assert KEY not in " ".join(call.command(tmp_path / "file")), "anyone can read a command line"


@pytest.mark.parametrize("option", [["--settings", "mine.json"], ["--settings=mine.json"]])
def test_the_users_own_settings_of_a_call_are_kept_below_ours(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path, option: list[str]
) -> None:
    write(tmp_path / "mine.json", {"model": "opus", "env": {"MINE": "1", "ANTHROPIC_BASE_URL": "http://elsewhere"}})
    call = prepared(["claude", *option, "-c", "--", "--settings"], profile, variables, environ, tmp_path)
    assert call.arguments == ("-c", "--", "--settings")
    assert call.settings is not None
    assert call.settings["model"] == "opus"
    assert call.settings["env"].items() >= {"MINE": "1", "ANTHROPIC_AUTH_TOKEN": KEY}.items()
    assert call.settings["env"]["ANTHROPIC_BASE_URL"] == variables["ANTHROPIC_BASE_URL"]


def test_settings_that_are_none_are_the_users_mistake(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="--settings"):
        prepared(["claude", "--settings", "missing.json"], profile, variables, environ, tmp_path)


def test_managed_settings_that_divert_are_said(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    write(tmp_path / "managed/managed-settings.json", {"env": {"ANTHROPIC_BASE_URL": "http://gateway.example"}})
    call = prepared(["claude"], profile, variables, environ, tmp_path, managed=tmp_path / "managed")
    (note,) = call.notes
    assert "managed-settings.json sets ANTHROPIC_BASE_URL" in note


def test_every_settings_file_that_counts_is_looked_at(
    variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    repository = tmp_path / "project"
    (repository / ".git").mkdir(parents=True)
    folder = repository / "src"
    folder.mkdir()
    found = {
        tmp_path / "managed/managed-settings.d/10-gateway.json": {"ANTHROPIC_AUTH_TOKEN": "x"},
        tmp_path / "home/.claude/settings.json": {"ANTHROPIC_API_KEY": "x"},
        folder / ".claude/settings.local.json": {"ANTHROPIC_CUSTOM_HEADERS": "x-litellm-api-key: Bearer other"},
        repository / ".claude/settings.json": {"NO_PROXY": "corp"},
    }
    for path, env in found.items():
        write(path, {"env": env})
    harmless = {"ANTHROPIC_BASE_URL": variables["ANTHROPIC_BASE_URL"], "NO_PROXY": f"corp,{variables['NO_PROXY']}"}
    write(repository / ".claude/settings.local.json", {"env": harmless})
    seen = diversions(environ, folder, variables, managed=tmp_path / "managed")
    assert {one.path: one.names for one in seen} == {path: tuple(env) for path, env in found.items()}
    assert [one.managed for one in seen] == [True, False, False, False]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"env": 1}', "[" * 100_000, '{"env": {}}'])
def test_a_settings_file_that_cannot_be_used_is_passed_over(
    variables: dict[str, str], environ: dict[str, str], tmp_path: Path, content: str
) -> None:
    write(tmp_path / "home/.claude/settings.json", content)
    assert diversions(environ, tmp_path, variables, managed=tmp_path / "none") == []
    assert session_settings(environ, tmp_path, variables)["env"]["ANTHROPIC_AUTH_TOKEN"] == KEY


def test_what_begins_no_session_is_left_alone(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    call = prepared(["claude", "auth", "login"], profile, variables, environ, tmp_path)
    assert call.settings is None
    assert not begins_session(["claude", "--version"])
    assert begins_session(["claude"])
    assert not begins_session(["bash", "claude"])


# --- the login of a subscription ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kept", "more", "logged_in"),
    [
        ({"claudeAiOauth": {"accessToken": "sk-ant-oat01-x"}}, {}, True),
        (None, {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-x"}, True),
        (None, {}, False),
        ({"claudeAiOauth": {}}, {}, False),
        ({"mcpOAuth": {}}, {}, False),
        ("{", {}, False),
    ],
)
def test_a_login_is_seen_where_claude_code_keeps_it(
    environ: dict[str, str], tmp_path: Path, kept: Any, more: dict[str, str], logged_in: bool
) -> None:
    if kept is not None:
        write(tmp_path / "config/.credentials.json", kept)
    assert has_login({**environ, "CLAUDE_CONFIG_DIR": str(tmp_path / "config"), **more}) is logged_in


def test_a_subscription_without_a_login_is_said_before_claude_code_starts(
    paths: Paths, environ: dict[str, str]
) -> None:
    with pytest.raises(RunClaudeError) as raised:
        check_login(load_catalogue(paths).profile("claude-plan"), environ)
    assert raised.value.code == "login-missing"
    check_login(load_catalogue(paths).profile("demo"), environ)


# --- Codex, OpenCode, others ----------------------------------------------------------------------------------------


def test_codex_gets_its_provider_by_options(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    call = prepared(["codex", "exec", "hi"], profile, variables, environ, tmp_path)
    words = call.command()
    assert words[0] == "codex"
    assert words[-2:] == ["exec", "hi"]
    options = tomllib.loads("\n".join(words[2:-2:2]))
    assert set(words[1:-2:2]) == {"-c"}
    assert options == tomllib.loads(codex_toml(profile, variables))
    assert options["model_providers"]["run-claude"]["base_url"] == "http://127.0.0.1:4444/v1"
    assert variables[options["model_providers"]["run-claude"]["env_key"]] == KEY
    assert options["model_providers"]["run-claude"]["http_headers"] == {"x-run-claude-profile": "demo"}
    assert options["model"] == "demo-sonnet"


def test_opencode_gets_its_provider_beside_what_the_user_configures(
    profile: Profile, variables: dict[str, str], environ: dict[str, str], tmp_path: Path
) -> None:
    given = {"theme": "dark", "provider": {"mine": {"name": "mine"}}}
    environ["OPENCODE_CONFIG_CONTENT"] = json.dumps(given)
    call = prepared(["opencode"], profile, variables, environ, tmp_path)
    assert call.command() == ["opencode"]
    document = json.loads(call.environment["OPENCODE_CONFIG_CONTENT"])
    assert document["theme"] == "dark"
    assert set(document["provider"]) == {"mine", "run-claude"}
    assert document["model"] == "run-claude/demo-sonnet"
    assert document["small_model"] == "run-claude/demo-haiku"
    assert document["provider"]["run-claude"]["options"]["apiKey"] == "{env:OPENAI_API_KEY}"
    assert document["provider"]["run-claude"]["options"]["headers"] == {"x-run-claude-profile": "demo"}


def test_what_is_to_be_written_down_contains_no_key_but_for_a_dotenv(
    profile: Profile, variables: dict[str, str]
) -> None:
    assert KEY not in codex_toml(profile, variables)
    assert KEY not in opencode_json(profile, variables)
    assert f"OPENAI_API_KEY={KEY}" in openai_lines(profile, variables).splitlines()
