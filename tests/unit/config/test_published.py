"""Configurations as people publish them for LiteLLM: read whole, or refused with what to do instead."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from run_claude.config.catalogue import load_catalogue
from run_claude.config.litellm_variables import CALLBACKS, FILES, PACKAGES, missing_packages
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]

SHARED = """\
model_list:
  - model_name: shared
    litellm_params: {model: azure/eu, api_base: https://eu.example, api_key: os.environ/EU_KEY}
    rpm: 6
  - model_name: shared
    litellm_params: {model: azure/us, api_base: https://us.example, api_key: os.environ/US_KEY}
    tpm: 1000
    max_parallel_requests: 4
"""


def test_rows_of_one_name_are_one_model_of_which_any_row_is_enough(paths: Paths, write: Write) -> None:
    write("models.yaml", SHARED)
    model = load_catalogue(paths).model("shared")
    assert [row.id for row in model.rows] == ["azure/eu", "azure/us"]
    assert model.variables == {"EU_KEY", "US_KEY"}
    assert model.missing(set[str]().__contains__) == ("EU_KEY",)
    assert model.missing({"US_KEY"}.__contains__) == ()
    assert [row.id for row in model.usable_rows({"US_KEY"}.__contains__)] == ["azure/us"]


def test_limits_of_a_row_stay_where_litellm_reads_them(paths: Paths, write: Write) -> None:
    write("models.yaml", SHARED)
    first, second = load_catalogue(paths).model("shared").rows
    assert first.row == {"rpm": 6}
    assert second.row == {"tpm": 1000}
    assert second.params["max_parallel_requests"] == 4


WILDCARDS = """\
model_list:
  - {model_name: "*", litellm_params: {model: "*"}}
  - {model_name: anthropic/*, litellm_params: {model: anthropic/*, api_key: os.environ/MY_KEY}}
  - {model_name: my-*-x, litellm_params: {model: groq/*, api_key: os.environ/GROQ_API_KEY}}
"""


@pytest.mark.parametrize(
    ("name", "id"),
    [
        ("anthropic/claude-opus-5-5", "anthropic/claude-opus-5-5"),
        ("my-llama-x", "groq/llama"),
        ("openai/gpt-6-luna", "openai/gpt-6-luna"),
        ("demo-opus", "demo/opus"),
    ],
)
def test_a_wildcard_serves_what_has_no_row_the_most_specific_first(
    paths: Paths, write: Write, name: str, id: str
) -> None:
    write("models.yaml", WILDCARDS)
    catalogue = load_catalogue(paths)
    assert catalogue.model(name).id == id
    assert catalogue.model(name).name == name
    assert name in catalogue.models
    assert "openai/gpt-6-luna" not in list(catalogue.models)


def test_a_wildcard_serves_nothing_without_its_key(paths: Paths, write: Write) -> None:
    write("models.yaml", "\n".join(line for line in WILDCARDS.splitlines() if 'model_name: "*"' not in line))
    catalogue = load_catalogue(paths)
    assert catalogue.serves("anthropic/x", {"MY_KEY"}.__contains__)
    assert not catalogue.serves("anthropic/x", set[str]().__contains__)
    assert not catalogue.serves("nothing/x", {"MY_KEY"}.__contains__)


def test_a_profile_may_name_what_a_wildcard_serves(paths: Paths, write: Write) -> None:
    write("models.yaml", "model_list:\n- model_name: anthropic/*\n  litellm_params: {model: anthropic/*}\n")
    write("profiles.yaml", "profiles:\n  mine: {opus: anthropic/claude-opus-5-5}\n")
    catalogue = load_catalogue(paths)
    assert catalogue.missing(catalogue.profile("mine"), set[str]().__contains__) == {
        "anthropic/claude-opus-5-5": ("ANTHROPIC_API_KEY",)
    }
    write("profiles.yaml", "profiles:\n  mine: {opus: openai/gpt}\n")
    with pytest.raises(ConfigError, match="there is no model"):
        load_catalogue(paths)


@pytest.mark.parametrize(
    ("params", "needs", "uses"),
    [
        ("model: openai/gpt", (("OPENAI_API_KEY",),), set[str]()),
        ("model: openai/gpt, api_key: os.environ/MINE", (("MINE",),), set[str]()),
        ("model: openai/gpt, api_base: http://localhost:8080/v1", (), set[str]()),
        ("model: gemini/flash", (("GEMINI_API_KEY", "GOOGLE_API_KEY"),), set[str]()),
        ("model: bedrock/anthropic.claude", (), {"AWS_ACCESS_KEY_ID", "AWS_SHARED_CREDENTIALS_FILE"}),
        ("model: vertex_ai/gemini", (), {"GOOGLE_APPLICATION_CREDENTIALS", "VERTEXAI_PROJECT"}),
        ("model: azure/gpt, api_base: 'https://x.openai.azure.com'", (), {"AZURE_API_KEY", "AZURE_CLIENT_SECRET"}),
        ("model: '*'", (), {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "AWS_ACCESS_KEY_ID"}),
    ],
)
def test_a_row_without_a_key_gets_the_variables_that_litellm_reads_by_itself(
    paths: Paths, write: Write, params: str, needs: tuple[tuple[str, ...], ...], uses: set[str]
) -> None:
    write("models.yaml", f"models:\n  mine: {{litellm_params: {{{params}}}}}\n")
    model = load_catalogue(paths).model("mine")
    assert model.needs == needs
    assert uses <= set(model.uses)


def test_variables_named_anywhere_are_handed_over(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "litellm_settings:\n"
        "  cache: true\n  cache_params: {type: s3, s3_bucket_name: os.environ/BUCKET}\n"
        "  success_callback: [langfuse, otel]\n"
        "router_settings: {redis_host: os.environ/MY_REDIS}\n"
        "general_settings: {alerting: [slack]}\n"
        "guardrails:\n- guardrail_name: g\n  litellm_params: {guardrail: lakera_v2, mode: pre_call,"
        " api_key: os.environ/LAKERA_API_KEY}\n"
        "mcp_servers:\n  docs: {url: https://mcp.example/mcp, auth_value: os.environ/MCP_TOKEN}\n"
        "environment_variables: {OWN: os.environ/THEIRS}\n"
        "pass_env: [EXTRA_ONE, EXTRA_TWO]\n",
    )
    named = {"BUCKET", "MY_REDIS", "LAKERA_API_KEY", "MCP_TOKEN", "THEIRS", "EXTRA_ONE", "EXTRA_TWO"}
    read = {name for key in ("langfuse", "otel", "slack", "s3") for name in CALLBACKS[key]}
    assert named | read <= load_catalogue(paths).section_variables


def test_what_the_configuration_sets_itself_needs_nobody_to_set_it(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "environment_variables: {BASE: https://gateway.example}\n"
        "model_list:\n- model_name: a\n  litellm_params: {model: groq/x, api_base: os.environ/BASE, api_key: none}\n",
    )
    assert load_catalogue(paths).model("a").missing(set[str]().__contains__) == ()


def test_included_files_are_read_as_if_they_stood_there(paths: Paths, write: Write) -> None:
    write("models.yaml", "include: [more/one.yaml]\nlitellm_settings: {num_retries: 1}\n" + SHARED)
    (paths.config / "more").mkdir()
    one = write(
        "more/one.yaml",
        "include: [two.yaml, ../models.yaml]\n"
        "model_list:\n- {model_name: shared, litellm_params: {model: groq/third, api_key: os.environ/THIRD}}\n",
    )
    write("more/two.yaml", "litellm_settings: {num_retries: 2}\nmodel_list:\n- {model_name: b, lite: 1}\n")
    with pytest.raises(ConfigError) as raised:
        load_catalogue(paths)
    assert raised.value.facts["file"] == str(one.with_name("two.yaml"))
    write("more/two.yaml", "litellm_settings: {num_retries: 2}\n")
    catalogue = load_catalogue(paths)
    assert [row.id for row in catalogue.model("shared").rows] == ["azure/eu", "azure/us", "groq/third"]
    assert catalogue.sections["litellm_settings"] == {"num_retries": 2}


def test_a_callback_whose_package_the_image_lacks_is_said_to_send_nothing() -> None:
    sections = {"litellm_settings": {"success_callback": ["langfuse", "s3_v2"], "callbacks": "otel"}}
    assert missing_packages(sections, "litellm==1\nlangfuse==3.0.0 \\\n    --hash=sha256:0\n") == [
        "otel sends nothing: the image has no opentelemetry-sdk (docs/litellm-config.md)."
    ]
    assert len(missing_packages(sections, "litellm==1\n")) == 2
    assert missing_packages({}, "") == []


def test_the_image_has_none_of_the_packages_that_are_said_to_be_missing() -> None:
    lock = (Path(__file__).parents[3] / "dep/requirements.txt").read_text()
    assert not [package for package in PACKAGES.values() if f"\n{package}==" in lock]


REFUSED = [
    ("include: [gone.yaml]\n", "include.0", "does not exist"),
    (
        "mcp_servers:\n  files: {transport: stdio, command: npx, args: [-y, some-server]}\n",
        "mcp_servers.files",
        "claude mcp add",
    ),
    (
        "guardrails:\n- guardrail_name: g\n  litellm_params: {guardrail: mine.Guard, mode: pre_call}\n",
        "guardrails.0.litellm_params.guardrail",
        "services/callbacks/",
    ),
    (
        "litellm_settings: {callbacks: custom_callbacks.proxy_handler_instance}\n",
        "litellm_settings.callbacks",
        "callbacks.custom_callbacks.proxy_handler_instance",
    ),
    ("litellm_settings: {success_callback: [mine.log]}\n", "litellm_settings.success_callback.0", "callbacks.mine.log"),
    (
        "litellm_settings: {custom_provider_map: [{provider: p, custom_handler: mine.llm}]}\n",
        "litellm_settings.custom_provider_map.0.custom_handler",
        "callbacks.mine.llm",
    ),
    ("general_settings: {custom_auth: my_auth.check}\n", "general_settings.custom_auth", "callbacks.my_auth.check"),
    (
        "model_list:\n- {model_name: a, litellm_params: {model: github_copilot/gpt}}\n",
        "model_list.0.litellm_params.model",
        "logs in through a browser",
    ),
    (
        "model_list:\n- {model_name: a, litellm_params: {model: vertex_ai/x, vertex_credentials: /me/sa.json}}\n",
        "model_list.0.litellm_params.vertex_credentials",
        "VERTEXAI_CREDENTIALS=/me/sa.json",
    ),
    ("guardrails: {a: 1}\n", "guardrails", "must be a list"),
    ("environment_variables: {DATABASE_URL: 'postgresql://me@db/x'}\n", "environment_variables.DATABASE_URL", ".env"),
    ("pass_env: [a b]\n", "pass_env.0", "NAME"),
]


@pytest.mark.parametrize(("text", "key", "said"), REFUSED)
def test_what_cannot_be_used_is_refused_with_what_to_do_instead(
    paths: Paths, write: Write, text: str, key: str, said: str
) -> None:
    write("models.yaml", text)
    with pytest.raises(ConfigError) as raised:
        load_catalogue(paths)
    assert raised.value.facts["key"] == key
    assert said in f"{raised.value.message} {raised.value.help}"


def test_what_run_claude_sets_itself_may_be_referred_to(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "general_settings: {master_key: os.environ/LITELLM_MASTER_KEY, database_url: os.environ/DATABASE_URL}\n",
    )
    assert load_catalogue(paths).sections == {"general_settings": {}}


def test_a_place_for_anchors_is_none_of_litellms_and_said_unless_named_as_one(paths: Paths, write: Write) -> None:
    path = write("models.yaml", "x-keys: &x {timeout: 1}\nshared: {a: 1}\nlitellm_settings: *x\n")
    assert load_catalogue(paths).notes == (f"{path}:2: shared is not used.",)


def test_the_page_has_what_each_callback_reads() -> None:
    page = (Path(__file__).parents[3] / "docs/litellm-config.md").read_text()
    rows = [row.split(" | ") for row in page.splitlines() if row.startswith("| `")]
    told = {name: set(_code(row[-1])) for row in rows for name in _code(row[0])}
    assert {name: told.get(name) for name in CALLBACKS} == {name: set(read) for name, read in CALLBACKS.items()}
    assert set(_code(page)) >= FILES


def _code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)
