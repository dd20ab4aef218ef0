from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from run_claude.config.catalogue import Catalogue, load_catalogue
from run_claude.config.model import Model
from run_claude.deploy.litellm_config import render_litellm_config
from run_claude.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from run_claude.config.paths import Paths

    Write = Callable[[str, str], Path]


def _rendered(catalogue: Catalogue, values: Mapping[str, str], **more: str) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(render_litellm_config(catalogue, values, **more).content)
    return document


def _params(document: dict[str, Any], name: str) -> dict[str, Any]:
    (entry,) = [entry for entry in document["model_list"] if entry["model_name"] == name]
    params: dict[str, Any] = dict(entry["litellm_params"])
    params.pop("cooldown_time", None)  # of every model with a single row, see below
    return params


def test_without_keys_only_demo_and_the_subscription_are_served(paths: Paths) -> None:
    rendered = render_litellm_config(load_catalogue(paths), {})
    document = yaml.safe_load(rendered.content)
    served = [entry["model_name"] for entry in document["model_list"]]
    assert [name for name in served if not name.startswith("plan-")] == ["demo-opus", "demo-sonnet", "demo-haiku"]
    assert document["litellm_settings"]["custom_provider_map"] == [
        {"provider": "demo", "custom_handler": "callbacks.demo_provider.handler"}
    ]
    assert rendered.left_out["claude-opus-5-5"] == ("ANTHROPIC_API_KEY",)


def test_rows_of_requests_stay_for_ever_unless_a_period_is_set(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    assert not [key for key in render_litellm_config(catalogue, {}).document["general_settings"] if "retention" in key]
    general = render_litellm_config(catalogue, {}, spend_logs_retention="30d").document["general_settings"]
    assert general["maximum_spend_logs_retention_period"] == "30d"
    assert general["master_key"] == "os.environ/LITELLM_MASTER_KEY"


def test_a_model_whose_key_is_there_is_served_and_the_key_is_not_in_the_file(paths: Paths) -> None:
    rendered = render_litellm_config(load_catalogue(paths), {"OPENAI_API_KEY": "sk-planted-0123456789"})
    document = yaml.safe_load(rendered.content)
    assert _params(document, "gpt-6-luna") == {"model": "openai/gpt-6-luna", "api_key": "os.environ/OPENAI_API_KEY"}
    assert b"planted" not in rendered.content
    assert rendered.variables == {"OPENAI_API_KEY"}
    assert document["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"


def test_the_same_input_gives_the_same_bytes_whatever_the_order_of_the_keys(paths: Paths) -> None:
    values = {name: f"value-of-{name}" for name in load_catalogue(paths).variables}
    one = render_litellm_config(load_catalogue(paths), values)
    two = render_litellm_config(load_catalogue(paths), dict(reversed(values.items())))
    assert one.content == two.content


def test_a_file_that_is_still_the_rendered_one_is_known_without_rendering(paths: Paths) -> None:
    rendered = render_litellm_config(load_catalogue(paths), {})
    again = render_litellm_config(load_catalogue(paths), {})
    assert again.is_in(rendered.content)
    assert "content" not in vars(again)


@pytest.mark.parametrize(
    "changed",
    [
        lambda content: None,
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: content.replace(b"demo-opus", b"demo-ours"),
        lambda content: content.replace(b"changes are lost", b"mine"),
        lambda content: content.partition(b"\n")[2],
        lambda content: b"x: 1\n" + content,
    ],
    ids=["none", "empty", "cut off", "edited", "header edited", "header gone", "line before it"],
)
def test_a_file_that_is_anything_else_is_not(paths: Paths, changed: Callable[[bytes], bytes | None]) -> None:
    rendered = render_litellm_config(load_catalogue(paths), {})
    assert not rendered.is_in(changed(rendered.content))


def test_a_file_rendered_from_other_keys_is_not(paths: Paths) -> None:
    before = render_litellm_config(load_catalogue(paths), {})
    assert not render_litellm_config(load_catalogue(paths), {"OPENAI_API_KEY": "sk-x"}).is_in(before.content)


def test_each_built_in_model_is_rendered_when_everything_is_set(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    values = {name: f"planted-{name}" for name in catalogue.variables}
    rendered = render_litellm_config(catalogue, values)
    document = yaml.safe_load(rendered.content)
    assert [entry["model_name"] for entry in document["model_list"]] == list(catalogue.models)
    assert not rendered.left_out
    for name in catalogue.variables:
        if any(part in name for part in ("KEY", "TOKEN", "CREDENTIALS")):
            assert f"planted-{name}" not in rendered.content.decode()


def test_addresses_and_ids_are_filled_in_with_their_defaults(paths: Paths) -> None:
    catalogue = load_catalogue(paths)
    document = _rendered(catalogue, {"OLLAMA_API_BASE": "http://gpu:11434"})
    assert _params(document, "ollama") == {"model": "ollama_chat/qwen3-coder", "api_base": "http://gpu:11434"}
    document = _rendered(
        catalogue, {"OLLAMA_API_BASE": "http://gpu:11434", "OLLAMA_MODEL": "x:7b", "OLLAMA_API_KEY": "k"}
    )
    assert _params(document, "ollama")["model"] == "ollama_chat/x:7b"
    assert _params(document, "ollama")["api_key"] == "os.environ/OLLAMA_API_KEY"


@pytest.mark.parametrize(
    ("base", "seen"),
    [
        ("http://localhost:11434", "http://host.docker.internal:11434"),
        ("http://127.0.0.1:8000/v1", "http://host.docker.internal:8000/v1"),
        ("http://[::1]:8000", "http://host.docker.internal:8000"),
        ("http://0.0.0.0:1/", "http://host.docker.internal:1/"),
        ("https://localhost", "https://host.docker.internal"),
        ("http://192.168.1.9:11434", "http://192.168.1.9:11434"),
        ("http://[broken", "http://[broken"),
        ("http://localhost:port", "http://localhost:port"),
    ],
)
def test_this_machine_is_reached_from_the_container(paths: Paths, base: str, seen: str) -> None:
    catalogue = load_catalogue(paths)
    assert _params(_rendered(catalogue, {"OLLAMA_API_BASE": base}), "ollama")["api_base"] == seen


def test_without_a_container_this_machine_stays_itself(paths: Paths) -> None:
    document = _rendered(load_catalogue(paths), {"OLLAMA_API_BASE": "http://localhost:11434"}, host="127.0.0.1")
    assert _params(document, "ollama")["api_base"] == "http://127.0.0.1:11434"


def test_a_parameter_of_an_unset_optional_variable_is_left_out(paths: Paths) -> None:
    values = {"AZURE_API_KEY": "k", "AZURE_API_BASE": "https://x"}
    catalogue = load_catalogue(paths)
    assert "api_version" not in _params(_rendered(catalogue, values), "azure-gpt-6-luna")
    with_version = _params(_rendered(catalogue, {**values, "AZURE_API_VERSION": "v"}), "azure-gpt-6-luna")
    assert with_version["api_version"] == "os.environ/AZURE_API_VERSION"


def test_the_users_sections_go_over_ours_and_lists_are_added_to(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "litellm_settings:\n  drop_params: false\n  custom_provider_map:\n"
        "  - {provider: mine, custom_handler: callbacks.mine.handler}\n"
        "router_settings: {num_retries: 3}\ngeneral_settings: {alerting: [slack]}\n",
    )
    document = _rendered(load_catalogue(paths), {})
    assert document["litellm_settings"]["drop_params"] is False
    assert [row["provider"] for row in document["litellm_settings"]["custom_provider_map"]] == ["demo", "mine"]
    assert document["router_settings"] == {"num_retries": 3}
    assert document["general_settings"]["master_key"] == "os.environ/LITELLM_MASTER_KEY"
    assert document["general_settings"]["alerting"] == ["slack"]


def test_what_a_model_gets_is_told_to_the_callback(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "models:\n"
        "  a: {litellm_params: {model: openai/a}, compat: {like: groq, drop: tools.strict, betas: []}}\n"
        "  b: {litellm_params: {model: openai/b}, compat: false, model_info: {mode: chat, run_claude: {x: 1}}}\n",
    )
    document = _rendered(load_catalogue(paths), {"OPENAI_API_KEY": "sk-planted-0123456789"})
    info = {entry["model_name"]: entry.get("model_info") for entry in document["model_list"]}
    assert info["a"] == {"run_claude": {"compat": {"like": "groq", "drop": ["tools.strict"], "betas": []}}}
    assert info["b"] == {"mode": "chat", "run_claude": {"x": 1, "compat": False}}
    assert info["demo-opus"] is None
    assert "callbacks.provider_compat.instance" in document["litellm_settings"]["callbacks"]


def test_a_key_that_would_come_in_by_a_back_door_is_refused(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "models:\n  a:\n    litellm_params:\n      model: openai/x\n      api_key: os.environ/MY_KEY\n"
        "      api_base: http://host/${MY_KEY}\n",
    )
    with pytest.raises(ConfigError) as raised:
        render_litellm_config(load_catalogue(paths), {"MY_KEY": "planted-0123456789"})
    assert raised.value.code == "key-in-config"
    assert "planted" not in str(raised.value.as_json())


SHARED = (
    "model_list:\n"
    "- {model_name: a, litellm_params: {model: azure/eu, api_key: os.environ/EU, api_base: https://eu}, rpm: 6}\n"
    "- {model_name: a, litellm_params: {model: azure/us, api_key: os.environ/US, api_base: https://us}}\n"
)


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ({}, []),
        ({"US": "key-us"}, [("azure/us", 0, None)]),
        ({"EU": "key-eu", "US": "key-us"}, [("azure/eu", None, 6), ("azure/us", None, None)]),
    ],
)
def test_rows_of_one_name_are_served_as_far_as_their_keys_are_set(
    paths: Paths, write: Write, values: dict[str, str], rows: list[tuple[str, int | None, int | None]]
) -> None:
    write("models.yaml", SHARED)
    rendered = render_litellm_config(load_catalogue(paths), values)
    found = [entry for entry in rendered.document["model_list"] if entry["model_name"] == "a"]
    assert [
        (entry["litellm_params"]["model"], entry["litellm_params"].get("cooldown_time"), entry.get("rpm"))
        for entry in found
    ] == rows
    assert ("a" in rendered.left_out) == (not rows)
    assert rendered.notes == (("a: 1 of 2 rows left out: EU not set.",) if len(rows) == 1 else ())


def test_a_model_with_a_single_row_is_never_cooled_down_unless_the_user_wants_it(paths: Paths, write: Write) -> None:
    write("models.yaml", "models:\n  mine: {litellm_params: {model: demo/x, cooldown_time: 7}}\n")
    document = render_litellm_config(load_catalogue(paths), {}).document
    found = {entry["model_name"]: entry["litellm_params"]["cooldown_time"] for entry in document["model_list"]}
    assert found.pop("mine") == 7
    assert {"demo-opus", "demo-sonnet", "demo-haiku"} <= found.keys()
    assert set(found.values()) == {0}


@pytest.mark.parametrize(
    ("params", "key"),
    [
        ("model: openai/x, api_base: 'http://localhost:8080/v1'", "none"),
        ("model: openai/x, api_base: 'https://gateway.example/v1', api_key: os.environ/MINE", "os.environ/MINE"),
        ("model: openai/x, api_base: 'https://eu.api.openai.com/v1'", None),
        ("model: hosted_vllm/x, api_base: 'http://localhost:8080/v1'", None),
        ("model: anthropic/x, api_base: 'http://localhost:8080'", "none"),
        ("model: anthropic/x, api_base: 'https://api.anthropic.com'", None),
    ],
)
def test_a_server_without_keys_never_gets_a_providers(paths: Paths, write: Write, params: str, key: str | None) -> None:
    write("models.yaml", f"models:\n  mine: {{litellm_params: {{{params}}}}}\n")
    values = {"OPENAI_API_KEY": "sk-planted-0123456789", "MINE": "planted-0123456789"}
    assert _params(_rendered(load_catalogue(paths), values), "mine").get("api_key") == key


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("http://localhost:9/v1", "http://host.docker.internal:9/v1"),
        ("https://gateway.example/v1", "os.environ/BASE"),
        ("http://me:secret@localhost:9/v1", "os.environ/BASE"),
    ],
)
def test_an_address_on_this_machine_is_reached_also_when_a_variable_holds_it(
    paths: Paths, write: Write, value: str, written: str
) -> None:
    write("models.yaml", "models:\n  mine: {litellm_params: {model: groq/x, api_base: os.environ/BASE}}\n")
    assert _params(_rendered(load_catalogue(paths), {"BASE": value}), "mine")["api_base"] == written


def test_an_address_that_the_configuration_sets_itself_stays_the_models(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "environment_variables: {HERE: 'http://localhost:9', THERE: os.environ/ELSEWHERE}\nmodels:\n"
        "  here: {litellm_params: {model: openai/x, api_base: os.environ/HERE}}\n"
        "  there: {litellm_params: {model: openai/x, api_base: os.environ/THERE}}\n",
    )
    document = _rendered(load_catalogue(paths), {"ELSEWHERE": "https://gateway.example"})
    assert _params(document, "here")["api_base"] == "http://host.docker.internal:9"
    assert _params(document, "there")["api_base"] == "os.environ/THERE"


def test_every_part_of_a_published_configuration_is_in_the_file(paths: Paths, write: Write) -> None:
    write(
        "models.yaml",
        "litellm_settings: {callbacks: prometheus, cache_params: {host: localhost, url: 'redis://127.0.0.1:6379'}}\n"
        "environment_variables: {LANGFUSE_HOST: 'http://localhost:3000', REDIS_HOST: 127.0.0.1, N: 1}\n"
        "guardrails: [{guardrail_name: g, litellm_params: {guardrail: presidio, mode: pre_call}}]\n"
        "mcp_servers: {docs: {url: 'http://localhost:7/mcp', transport: http}}\n"
        "credential_list: [{credential_name: c, credential_values: {api_key: os.environ/C}}]\n",
    )
    rendered = render_litellm_config(load_catalogue(paths), {})
    document = rendered.document
    *ours, theirs = document["litellm_settings"]["callbacks"]
    assert all(name.startswith("callbacks.") for name in ours)
    assert theirs == "prometheus"
    assert document["litellm_settings"]["cache_params"] == {
        "host": "host.docker.internal",
        "url": "redis://host.docker.internal:6379",
    }
    assert document["environment_variables"] == {
        "LANGFUSE_HOST": "http://host.docker.internal:3000",
        "REDIS_HOST": "host.docker.internal",
        "N": 1,
    }
    assert document["guardrails"][0]["guardrail_name"] == "g"
    assert document["mcp_servers"]["docs"]["url"] == "http://host.docker.internal:7/mcp"
    assert document["credential_list"][0]["credential_values"] == {"api_key": "os.environ/C"}
    assert "C" in rendered.variables
    assert rendered.notes == ("C is not set; models.yaml refers to it.",)


_TEXT = st.text(st.characters(codec="utf-8"), max_size=20).map(lambda text: text.replace("${", "$ {"))
_VALUES = st.recursive(
    _TEXT | st.integers() | st.booleans() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(string.ascii_lowercase, min_size=1, max_size=8), _VALUES, max_size=4), _TEXT)
def test_yaml_reads_every_parameter_back(params: dict[str, Any], name: str) -> None:
    params = {"x_" + key: value for key, value in params.items()} | {"model": "openai/x"}
    model = Model(name=name, params=params)
    document = _rendered(Catalogue(models={name: model}, profiles={}), {})
    assert document["model_list"] == [{"model_name": name, "litellm_params": {**params, "cooldown_time": 0}}]
