from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from run_claude.config.catalogue import load_catalogue
from run_claude.config.client_env import DIVERTING, applied, client_environment, render_environment, settings_snippet

if TYPE_CHECKING:
    from run_claude.config.paths import Paths
    from run_claude.config.settings import Settings

KEY = "sk-0123456789abcdef"
_VALUES = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=30)


@pytest.fixture
def variables(settings: Settings, paths: Paths) -> dict[str, str]:
    return client_environment(settings, load_catalogue(paths).profile("demo"), KEY)


def test_claude_code_gets_address_key_and_models(variables: dict[str, str]) -> None:
    assert variables["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:4444"
    assert variables["ANTHROPIC_AUTH_TOKEN"] == KEY
    assert variables["ANTHROPIC_DEFAULT_OPUS_MODEL"] == "demo-opus"
    assert variables["ANTHROPIC_DEFAULT_SONNET_MODEL"] == "demo-sonnet"
    assert variables["ANTHROPIC_DEFAULT_HAIKU_MODEL"] == "demo-haiku"
    assert variables["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"
    assert set(DIVERTING) & set(variables) == {"ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_CUSTOM_HEADERS"}


def test_openai_clients_get_the_address_with_its_version(variables: dict[str, str]) -> None:
    assert variables["OPENAI_BASE_URL"] == "http://127.0.0.1:4444/v1"
    assert variables["OPENAI_API_KEY"] == KEY


def test_what_a_profile_adds_is_there_and_wins(settings: Settings, paths: Paths) -> None:
    profile = replace(
        load_catalogue(paths).profile("demo"),
        fable="demo-opus",
        subagent="demo-haiku",
        default="opus",
        env={"MAX_THINKING_TOKENS": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "0"},
    )
    variables = client_environment(settings, profile, KEY)
    assert variables["CLAUDE_CODE_SUBAGENT_MODEL"] == "demo-haiku"
    assert variables["ANTHROPIC_MODEL"] == "opus"
    assert variables["ANTHROPIC_DEFAULT_FABLE_MODEL"] == "demo-opus"
    assert variables["MAX_THINKING_TOKENS"] == "1"
    assert variables["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "0"


def test_a_child_process_gets_the_variables_and_nothing_that_diverts(variables: dict[str, str]) -> None:
    before = {"PATH": "/bin", "ANTHROPIC_API_KEY": "sk-ant", "OPENAI_API_KEY": "sk-openai"}
    before |= {"ANTHROPIC_CUSTOM_HEADERS": "x-litellm-api-key: Bearer another-gateway"}
    assert applied(before, variables) == {"PATH": "/bin", **variables}


def test_requests_to_this_machine_never_go_through_an_http_proxy(variables: dict[str, str]) -> None:
    assert variables["NO_PROXY"] == variables["no_proxy"] == "127.0.0.1,localhost,::1"


@pytest.mark.parametrize(
    ("shell", "bind", "expected"),
    [
        ({"NO_PROXY": "corp.example"}, "127.0.0.1", "corp.example,127.0.0.1,localhost,::1"),
        ({"no_proxy": ".corp, other"}, "192.0.2.7", ".corp,other,127.0.0.1,localhost,::1,192.0.2.7"),
        ({"NO_PROXY": "a", "no_proxy": "b"}, "0.0.0.0", "a,b,127.0.0.1,localhost,::1"),  # noqa: S104
        ({"NO_PROXY": "127.0.0.1,localhost,::1"}, "::", "127.0.0.1,localhost,::1"),
    ],
)
def test_what_is_excepted_from_it_stays_excepted(
    settings: Settings, paths: Paths, shell: dict[str, str], bind: str, expected: str
) -> None:
    here = replace(settings, environ=shell, bind=bind, env_file=None)
    variables = client_environment(here, load_catalogue(paths).profile("demo"), KEY)
    assert variables["NO_PROXY"] == variables["no_proxy"] == expected


def test_a_subscription_keeps_authorization_for_its_login(settings: Settings, paths: Paths) -> None:
    profile = replace(
        load_catalogue(paths).profile("claude-plan"),
        env={"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-LiteLLM-API-Key: Bearer foreign"},
    )
    variables = client_environment(settings, profile, KEY)
    lines = variables["ANTHROPIC_CUSTOM_HEADERS"].splitlines()
    assert lines == ["X-Team: a", "x-run-claude-profile: claude-plan", f"x-litellm-api-key: Bearer {KEY}"]
    assert "ANTHROPIC_AUTH_TOKEN" not in applied({"ANTHROPIC_AUTH_TOKEN": "of an outer shell"}, variables)


def test_plain_is_a_line_per_variable(variables: dict[str, str]) -> None:
    assert render_environment(variables, "plain").splitlines()[0] == "ANTHROPIC_BASE_URL=http://127.0.0.1:4444"


def test_json_is_the_variables(variables: dict[str, str]) -> None:
    assert json.loads(render_environment(variables, "json")) == variables


def test_an_unknown_shell_is_an_error(variables: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="csh"):
        render_environment(variables, "csh")


SHELLS = [
    pytest.param("sh", ["sh", "-c"], id="sh"),
    pytest.param("sh", ["bash", "--norc", "-c"], id="bash"),
    pytest.param("sh", ["zsh", "-f", "-c"], id="zsh"),
    pytest.param("fish", ["fish", "--no-config", "-c"], id="fish"),
]


def _seen(command: list[str], script: str, environ: dict[str, str]) -> dict[str, str]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"no {command[0]} here")
    program = shutil.which(command[0]) or ""
    answer = subprocess.run(
        [program, *command[1:], script + "\nenv -0"],
        capture_output=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", **environ},
    )
    assert answer.stderr == b""
    return dict(row.split("=", 1) for row in answer.stdout.decode().split("\0") if row)


@pytest.mark.parametrize(("shell", "command"), SHELLS)
def test_a_shell_takes_the_variables_over_and_drops_what_would_divert(
    variables: dict[str, str], shell: str, command: list[str]
) -> None:
    seen = _seen(command, render_environment(variables, shell), dict.fromkeys(DIVERTING, "set") | {"KEPT": "1"})
    assert seen.items() >= variables.items()
    assert not (set(DIVERTING) - set(variables)) & set(seen)
    assert seen["KEPT"] == "1"


@pytest.mark.parametrize(("shell", "command"), SHELLS)
@given(values=st.lists(_VALUES, min_size=10, max_size=20))  # of one process: its start is what takes time
@settings(max_examples=6, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_a_shell_reads_any_value_back(shell: str, command: list[str], values: list[str]) -> None:
    planted = {f"PLANTED{number}": value for number, value in enumerate(values)}
    assert _seen(command, render_environment(planted, shell), {}).items() >= planted.items()


@pytest.mark.parametrize(
    ("value", "quoted"),
    [("a'b", "'a''b'"), ("\u2018x\u2019", "'\u2018\u2018x\u2019\u2019'"), ("$x`n", "'$x`n'"), ("", "''")],
)
def test_powershell_values_are_literal(value: str, quoted: str) -> None:
    assert render_environment({"X": value}, "powershell").splitlines()[-1] == f"$env:X = {quoted}"


def test_the_settings_snippet_is_what_claude_code_reads(variables: dict[str, str]) -> None:
    snippet = json.loads(settings_snippet(variables))
    assert list(snippet) == ["env"]
    assert snippet["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:4444"
    assert not [name for name in snippet["env"] if name.startswith(("OPENAI_", "RUN_CLAUDE_"))]
    assert all(isinstance(value, str) for value in snippet["env"].values())


def test_requests_name_the_profile(variables: dict[str, str]) -> None:
    assert variables["ANTHROPIC_CUSTOM_HEADERS"] == "x-run-claude-profile: demo"


def test_headers_of_the_shell_are_left_out_and_those_of_the_profile_stay(settings: Settings, paths: Paths) -> None:
    """In a shell they are for another gateway, and may hold its key: LiteLLM takes that before ours."""
    mine = "X-Team: blue\n X-Run-Claude-Profile: other\n"
    profile = replace(load_catalogue(paths).profile("demo"), env={"ANTHROPIC_CUSTOM_HEADERS": mine})
    variables = client_environment(settings, profile, KEY)
    assert variables["ANTHROPIC_CUSTOM_HEADERS"] == "X-Team: blue\nx-run-claude-profile: demo"
    before = {"ANTHROPIC_CUSTOM_HEADERS": "x-litellm-api-key: sk-of-another-gateway"}
    assert applied(before, variables)["ANTHROPIC_CUSTOM_HEADERS"] == variables["ANTHROPIC_CUSTOM_HEADERS"]
