"""Tools: calls as they come, and results as they go."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange, Text, Thinking

from .request import BROWN, CACHED, MCP_TOOLS, PNG, TOOLS, assistant, call, history, request, result, text, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_A = Call("Read", '{"file_path": "/a"}')
_B = Call("Read", '{"file_path": "/b"}')
_C = Call("Bash", '{"command": "ls -l \\"x y\\" | wc", "timeout": 1.5}')
_IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
_LONG_NAME = "mcp__claude_in_chrome_extension__" + "browser_navigate_and_wait_for_selector_" * 2
_FIELDS = {
    "strict": False,
    "input_examples": [{"command": "ls"}],
    "defer_loading": False,
    "eager_input_streaming": True,
    "cache_control": {"type": "ephemeral"},
}


def _calls(name: str, what: str, answer: Answer, **more: Any) -> Exchange:
    return Exchange(name, "tools", what, request(name, stream=more.pop("stream", True)), answer, **more)


def _result(name: str, what: str, *content: Any, **more: Any) -> Exchange:
    return Exchange(name, "tools", what, request(name, *history(*content)), **more)


def _chosen(name: str, choice: dict[str, Any], what: str) -> Exchange:
    return Exchange(
        name,
        "tools",
        what,
        request(name, tool_choice=choice),
        Answer((_A,)) if choice["type"] != "none" else Answer(),
        # Claude that always thinks refuses to be forced; LiteLLM's table knows it.
        targets=lambda target: not target.claude or target.name == "anthropic-haiku",
    )


def _named(target: Target, body: Mapping[str, Any], tool: str) -> list[str]:
    return [] if tool in json.dumps(body) else [f"the tool {tool} is missing"]


def _one_read(_: Target, got: Mapping[str, Any]) -> list[str]:
    names = [block.get("name") for block in got["content"]]
    return [] if names == ["Read"] else [f"calls: {names}"]


def _hosted(target: Target) -> bool:
    return target.name.startswith("anthropic")


EXCHANGES = [
    _calls("call-one", "One call after a text.", Answer((Text("I read it."), _A))),
    _calls("call-alone", "A call without a text.", Answer((_A,))),
    _calls("calls-in-one-chunk", "Two calls in one chunk are two blocks.", Answer((_A, _B), pieces="together")),
    _calls("calls-each-in-one-chunk", "Two calls, each whole in a chunk.", Answer((_A, _B), pieces="whole")),
    _calls("calls-alternating", "Two calls whose arguments come in turn.", Answer((_A, _B), pieces="alternating")),
    _calls("calls-three-alternating", "Three calls in turn.", Answer((_A, _C, _B), pieces="alternating")),
    _calls("calls-in-characters", "Arguments in single characters.", Answer((_A, _C), pieces="characters")),
    _calls("calls-the-same", "The same call twice is two calls.", Answer((_A, _A), pieces="together")),
    _calls(
        "calls-after-text",
        "A text and three calls in one chunk.",
        Answer((Text("I read all of them."), _A, _B, _C), pieces="together"),
    ),
    _calls(
        "calls-after-thinking",
        "Thinking, a text and two calls.",
        Answer((Thinking("Both at once."), Text("I read both."), _A, _B), pieces="whole"),
    ),
    _calls("call-no-arguments", "Arguments that are empty.", Answer((Call("CronList", ""),))),
    _calls("call-empty-object", "Arguments that are an empty object.", Answer((Call("CronList", "{}"),))),
    _calls(
        "calls-no-arguments",
        "Two calls, the first with empty arguments.",
        Answer((Call("CronList", ""), _B), pieces="together"),
    ),
    _calls(
        "call-nested",
        "Arguments with every kind of value, and no ASCII.",
        Answer(
            (Call("TaskUpdate", '{"taskId": "ä\\n\\"7\\" 日本", "addBlocks": ["1", "2"], "metadata": {"n": 1.5}}'),)
        ),
    ),
    _calls(
        "call-long",
        "Arguments of 9 kB.",
        Answer((Call("Bash", json.dumps({"command": BROWN * 200})),), pieces="whole"),
    ),
    _calls("calls-repeated-heads", "Each piece of a call has its name again.", Answer((_A, _C), pieces="repeated")),
    _calls("calls-unnumbered", "Two calls of the same index.", Answer((_A, _B), pieces="unnumbered")),
    _calls("calls-unnamed", "Two calls without ids: they get their own.", Answer((_A, _B), pieces="unnamed")),
    _calls("calls-finish-stop", "Calls after which the server says `stop`.", Answer((_A, _B), finish="stop")),
    _calls("calls-not-streamed", "Two calls in an answer that is not streamed.", Answer((_A, _B)), stream=False),
    _result("result-text", "A result that is a text.", result("toolu_01", "the content")),
    _result("result-empty", "A result that is the empty text.", result("toolu_01", "")),
    _result("result-absent", "A result without content.", result("toolu_01")),
    _result("result-empty-list", "A result whose content is an empty list.", result("toolu_01", [])),
    _result("result-error", "A result that is an error.", result("toolu_01", "File does not exist.", is_error=True)),
    _result("result-long", "A result of 200 kB.", result("toolu_01", BROWN * 4444), targets=lambda t: not t.context),
    _result(
        "result-texts",
        "A result of two texts with a cache mark on the second.",
        result("toolu_01", [text("first"), text("second", **CACHED)]),
    ),
    _result("result-image", "A result that is an image.", result("toolu_01", [_IMAGE])),
    _result("result-text-and-image", "A text and an image.", result("toolu_01", [text("a picture:"), _IMAGE])),
    _result("result-then-text", "A result, and words of the user's behind it.", result("toolu_01", "x"), "And now?"),
    _result("result-json", "A result that is JSON.", result("toolu_01", '{"a": [1, 2, {"b": null}]}')),
    Exchange(
        "results-many",
        "tools",
        "Twelve results in one message.",
        request(
            "results-many",
            user("Read all."),
            assistant(*(call(f"toolu_{n:02}", "Read", file_path=f"/{n}") for n in range(12))),
            user(*(result(f"toolu_{n:02}", f"content of {n}") for n in range(12))),
        ),
    ),
    Exchange(
        "results-mixed",
        "tools",
        "An image, an error and nothing, as results of three calls.",
        request(
            "results-mixed",
            user("Read all."),
            assistant(*(call(f"toolu_{n:02}", "Read", file_path=f"/{n}") for n in range(3))),
            user(result("toolu_00", [_IMAGE]), result("toolu_01", "no", is_error=True), result("toolu_02", "")),
        ),
    ),
    Exchange(
        "call-history-empty-input",
        "tools",
        "A call without arguments in the history.",
        request(
            "call-history-empty-input",
            user("List."),
            assistant(call("toolu_01", "CronList")),
            user(result("toolu_01", "none")),
        ),
    ),
    _chosen("choice-any", {"type": "any"}, "Some tool must be called."),
    _chosen("choice-tool", {"type": "tool", "name": "Read"}, "One tool must be called."),
    _chosen(
        "choice-tool-alone",
        {"type": "tool", "name": "Read", "disable_parallel_tool_use": True},
        "One tool must be called, and no other.",
    ),
    _chosen("choice-none", {"type": "none"}, "No tool may be called."),
    Exchange(
        "choice-not-parallel",
        "tools",
        "No parallel calls are wanted.",
        request("choice-not-parallel", tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
        Answer((_A,)),
    ),
    Exchange(
        "tool-long-name",
        "tools",
        "A tool whose name has over 64 characters comes back under its name.",
        request(
            "tool-long-name",
            user("Go."),
            assistant(call("toolu_01", _LONG_NAME, command="one")),
            user(result("toolu_01", "x")),
            tools=[{**TOOLS[2], "name": _LONG_NAME}],
        ),
        Answer((Call(_LONG_NAME, '{"command": "two"}'),)),
    ),
    Exchange(
        "tool-long-name-whole",
        "tools",
        "The same, not streamed.",
        request("tool-long-name-whole", tools=[{**TOOLS[2], "name": _LONG_NAME}], stream=False),
        Answer((Call(_LONG_NAME, '{"command": "two"}'),)),
    ),
    Exchange(
        "tool-schemas",
        "tools",
        "Schemas as MCP servers have them: references, unions, lists of types, formats; none at all.",
        request("tool-schemas", tools=[*TOOLS, *MCP_TOOLS]),
        Answer((Call("mcp__db__query", '{"filter": {"name": "x", "sub": null}, "limit": 3}'),)),
    ),
    Exchange(
        "tools-many",
        "tools",
        "More tools than some take: those that Claude Code brings and those that were called stay.",
        request(
            "tools-many",
            user("Go."),
            assistant(call("toolu_01", "mcp__many__199", command="one")),
            user(result("toolu_01", "x")),
            tools=[*TOOLS, *({**TOOLS[2], "name": f"mcp__many__{n}"} for n in range(200))],
        ),
        Answer((_A,)),
        plain=True,
        reached=lambda target, body: [*_named(target, body, "Bash"), *_named(target, body, "mcp__many__199")],
        received=_one_read,
    ),
    Exchange(
        "tool-own-fields",
        "tools",
        "Fields of tool definitions that only Claude knows.",
        request("tool-own-fields", tools=[{**TOOLS[2], **_FIELDS}]),
        Answer((_C,)),
    ),
    Exchange(
        "tool-hosted",
        "tools",
        "A tool that Anthropic's servers run, beside others, at Claude.",
        request("tool-hosted", tools=[*TOOLS, {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]),
        targets=_hosted,
        reached=lambda target, body: _named(target, body, "web_search_20250305"),
    ),
    Exchange(
        "tool-hosted-elsewhere",
        "tools",
        "The same where nobody runs it: the other tools still work.",
        request(
            "tool-hosted-elsewhere",
            tools=[*TOOLS, {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}],
        ),
        Answer((_A,)),
        targets=lambda target: not target.claude,
        reached=lambda target, body: _named(target, body, "Bash"),
    ),
    Exchange(
        "tool-hosted-forced",
        "tools",
        "A forced tool that nobody can run: the request still gets an answer.",
        request(
            "tool-hosted-forced",
            tools=[{"type": "code_execution_20250825", "name": "code_execution"}],
            tool_choice={"type": "tool", "name": "code_execution"},
        ),
        targets=lambda target: not target.claude,
    ),
    Exchange(
        "tool-custom-type",
        "tools",
        "Tools that say of themselves that they are custom.",
        request("tool-custom-type", tools=[{"type": "custom", **tool} for tool in TOOLS]),
        Answer((_A,)),
    ),
]
