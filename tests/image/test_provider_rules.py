"""What a provider does not get, as a table and as laws, without LiteLLM."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbacks.adaptation import adapt
from callbacks.provider_rules import rules_for

CACHE = {"type": "ephemeral", "ttl": "1h", "scope": "global"}


def request(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "custom_llm_provider": model.partition("/")[0], **more}


def compat(settings: Any) -> dict[str, Any]:
    return {"model_info": {"run_claude": {"compat": settings}}}


RULES: list[tuple[str, dict[str, Any], set[str], set[str]]] = [
    ("anthropic", request("anthropic/claude-opus-4-5"), set(), {"cache_control", "speed"}),
    ("claude-behind-a-gateway", request("anthropic/claude-x", api_base="https://gw.example"), set(), {"speed"}),
    (
        "imitated-anthropic",
        request("anthropic/glm-4.6", api_base="https://api.example/anthropic"),
        {"cache_control.ttl", "cache_control.scope", "context_management", "redacted_thinking"},
        {"cache_control", "thinking_blocks"},
    ),
    ("groq", request("groq/x"), {"reasoning_content", "cache_control", "tools.strict"}, {"reasoning_effort"}),
    ("grok-without-a-dial", request("xai/grok-code-fast-1"), {"reasoning_effort"}, set()),
    ("grok-with-one", request("xai/grok-3-mini"), set(), {"reasoning_effort"}),
    ("moonshot-wants-its-thinking-back", request("moonshot/kimi"), {"thinking_blocks"}, {"reasoning_content"}),
    ("gemini-has-its-signatures-there", request("gemini/g"), set(), {"thinking_blocks", "provider_specific_fields"}),
    ("unknown-provider", request("acme/x"), set(), {"cache_control", "thinking_blocks"}),
    ("like", request("openai/x", **compat({"like": "groq"})), {"tools.strict"}, set()),
    ("drop", request("openai/x", **compat({"drop": ["reasoning_effort"]})), {"reasoning_effort"}, set()),
    ("drop-one-name", request("openai/x", **compat({"drop": "reasoning_effort"})), {"reasoning_effort"}, {"r"}),
    ("keep", request("groq/x", **compat({"keep": ["cache_control"]})), {"thinking_blocks"}, {"cache_control"}),
    ("off", request("groq/x", **compat(False)), set(), {"cache_control", "reasoning_content"}),
    ("never-the-request-itself", request("openai/x", **compat({"drop": ["messages", "model"]})), set(), {"messages"}),
]


@pytest.mark.parametrize(("of", "dropped", "kept"), [row[1:] for row in RULES], ids=[row[0] for row in RULES])
def test_a_deployment_gets_what_its_provider_takes(of: dict[str, Any], dropped: set[str], kept: set[str]) -> None:
    rules = rules_for(of)
    assert dropped <= rules.drop
    assert not kept & rules.drop


def test_messages_that_were_thinking_only_go_away() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "s"}
    asked = {"role": "user", "content": "hi"}
    adapted = adapt(request("groq/x", messages=[asked, {"role": "assistant", "content": [thinking]}, asked]))
    assert adapted["messages"] == [asked, asked]


def test_a_message_that_calls_a_tool_stays_without_content() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    message = {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm"}], "tool_calls": [call]}
    assert adapt(request("groq/x", messages=[message]))["messages"] == [message | {"content": []}]


def test_tools_of_anthropics_servers_go_where_they_are_dropped_and_no_choice_is_left_of_none() -> None:
    search = {"type": "web_search_20250305", "name": "web_search"}
    own = {"name": "Bash", "input_schema": {"type": "object", "properties": {}}}
    settings = compat({"drop": ["server_tools"]})
    assert adapt(request("zai/x", tools=[search, own], **settings))["tools"] == [own]
    assert not {"tools", "tool_choice"} & adapt(request("zai/x", tools=[search], tool_choice={}, **settings)).keys()


def test_only_the_named_betas_pass() -> None:
    headers = {"anthropic-beta": "a-1, b-2,c-3", "anthropic-version": "2023-06-01"}
    forwarded = {"custom_llm_provider": "anthropic", "extra_headers": headers}
    deployment = request("anthropic/glm", api_base="https://api.example", provider_specific_header=forwarded)
    assert adapt(deployment)["provider_specific_header"]["extra_headers"] == {"anthropic-version": "2023-06-01"}
    named = adapt(deployment | compat({"betas": ["b-2"]}))
    assert named["provider_specific_header"]["extra_headers"]["anthropic-beta"] == "b-2"
    assert headers["anthropic-beta"] == "a-1, b-2,c-3", "the request as it came is not changed"


# --- laws ---------------------------------------------------------------------------------------------------------

EXTRAS = st.fixed_dictionaries(
    {},
    optional={
        "cache_control": st.just(CACHE),
        "provider_specific_fields": st.just({"x": 1}),
        "caller": st.just({"type": "direct"}),
        "reasoning_content": st.text(max_size=3),
    },
)
ARGUMENTS = st.dictionaries(st.sampled_from(["cache_control", "caller", "strict", "path"]), st.text(max_size=3))


def block(kind: str, **fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(st.fixed_dictionaries({"type": st.just(kind), **fields}), EXTRAS).map(
        lambda both: {**both[1], **both[0]}
    )


BLOCKS = st.recursive(
    st.one_of(
        block("text", text=st.text(max_size=3)),
        block("thinking", thinking=st.text(max_size=3)),
        block("redacted_thinking", data=st.text(max_size=3)),
        block("tool_use", id=st.just("1"), name=st.just("f"), input=ARGUMENTS),
    ),
    lambda inner: block("tool_result", tool_use_id=st.just("1"), content=st.lists(inner, max_size=2)),
    max_leaves=4,
)
MESSAGES = st.tuples(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant"]),
            "content": st.one_of(st.none(), st.text(max_size=3), st.lists(BLOCKS, max_size=3)),
        },
        optional={"thinking_blocks": st.just([{"type": "thinking"}])},
    ),
    EXTRAS,
).map(lambda both: {**both[1], **both[0]})
TOOLS = st.fixed_dictionaries(
    {"name": st.just("f"), "input_schema": st.fixed_dictionaries({"properties": ARGUMENTS})},
    optional={name: st.just(True) for name in ("strict", "defer_loading", "input_examples", "eager_input_streaming")},
)
REQUESTS = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["groq/x", "anthropic/glm", "zai/x", "bedrock/claude", "openrouter/x", "acme/x"]),
        "api_base": st.just("https://api.example"),
        "messages": st.lists(MESSAGES, max_size=3),
    },
    optional={"system": st.lists(BLOCKS, max_size=2), "tools": st.lists(TOOLS, max_size=2), "speed": st.just("fast")},
)


@given(REQUESTS)
def test_the_request_as_it_came_is_never_changed(given_request: dict[str, Any]) -> None:
    before = copy.deepcopy(given_request)
    adapt(given_request)
    assert given_request == before


@pytest.mark.parametrize(
    ("contents", "joined"),
    [
        (("You are an agent.", "Be short."), "You are an agent.\n\nBe short."),
        (("", "Be short."), "Be short."),
        (
            ([{"type": "text", "text": "You are an agent."}], "Be short."),
            [{"type": "text", "text": "You are an agent."}, {"type": "text", "text": "Be short."}],
        ),
    ],
)
def test_the_systems_words_are_one_message_at_the_beginning(contents: tuple[Any, Any], joined: Any) -> None:
    """Codex says `developer`; OpenCode, too, sends two of them: Qwen's template takes one `system` and no more."""
    first = [{"role": "developer", "content": contents[0]}, {"role": "system", "content": contents[1]}]
    later = [{"role": "user", "content": "hi"}, {"role": "developer", "content": "now"}]
    messages = adapt({"model": "hosted_vllm/qwen3", "messages": [*first, *later]})["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "user"]
    assert messages[0]["content"] == joined
    assert "now" in str(messages[2]["content"])


@given(REQUESTS)
def test_adapting_twice_is_adapting_once(given_request: dict[str, Any]) -> None:
    once = adapt(given_request)
    assert adapt(once) == once


@given(REQUESTS)
def test_the_users_own_words_arguments_and_schemas_are_never_touched(given_request: dict[str, Any]) -> None:
    def own(of: dict[str, Any]) -> list[Any]:
        schemas = [tool["input_schema"]["properties"] for tool in of.get("tools") or []]
        found = [
            part for message in of["messages"] if isinstance(message["content"], list) for part in message["content"]
        ]
        inner = [part for outer in found if outer["type"] == "tool_result" for part in outer["content"]]
        return schemas + [
            part.get("text", part.get("input"))
            for part in found + inner
            if part["type"] == "tool_use" or (part["type"] == "text" and part["text"].strip())
        ]

    assert own(adapt(given_request)) == own(given_request)


@given(REQUESTS, st.recursive(st.none() | st.booleans() | st.text(max_size=3), st.lists, max_leaves=4))
def test_odd_settings_drop_nothing_that_a_request_needs(given_request: dict[str, Any], odd: Any) -> None:
    adapted = adapt(given_request | {"model_info": {"run_claude": {"compat": {"drop": odd, "keep": odd}}}})
    assert {"model", "messages"} <= adapted.keys()
