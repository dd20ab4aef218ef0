"""Whole requests, as they were recorded of Claude Code 2.1.197."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.conformance.exchange import Answer, Call, Exchange, Text, marker
from tests.conformance.wires.anthropic import SIGNED

from .request import BETAS, BROWN, CACHED, TOOLS, assistant, call, request, result, text, user

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.conformance.target import Target

__all__ = ["EXCHANGES"]

_MAIN: dict[str, Any] = {
    "max_tokens": 32_000,
    "thinking": {"type": "adaptive"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "output_config": {"effort": "high"},
}
_REMINDER = "<system-reminder>\nAs you answer, you can use the following context.\n</system-reminder>"
_AGENTS = {"role": "system", "content": "Available agent types for the Agent tool:\n- general-purpose"}
_FIRST = user(_REMINDER, "do the work")
_THINK = {"type": "thinking", "thinking": "I should read both.", "signature": SIGNED}
_READS = (call("toolu_01", "Read", file_path="/w/a.txt"), call("toolu_02", "Read", file_path="/w/b.txt"))
_RESULTS = user(result("toolu_02", "1\tbeta\n2\t"), result("toolu_01", "1\talpha\n2\t"))
_TWO = (Call("Read", '{"file_path": "/w/a.txt"}'), Call("Read", '{"file_path": "/w/b.txt"}'))


def _long(turns: int) -> list[dict[str, Any]]:
    said = [_FIRST]
    for turn in range(turns):
        said.append(assistant(f"Step {turn}.", call(f"toolu_{turn:04}", "Bash", command=f"step {turn}")))
        said.append(user(result(f"toolu_{turn:04}", f"output of {turn}")))
    return said


def _has_ids(target: Target, body: Mapping[str, Any]) -> list[str]:
    """Kimi gets an id of the form that it was trained on: of a call and of its result."""
    if "kimi" not in str(target.params["model"]).lower():
        return []
    kept = str(body).count("'functions.Bash:0'")
    return [] if kept == 2 else [f"Kimi's own id is there {kept} times, and not twice"]


EXCHANGES = [
    Exchange(
        "session-first-turn",
        "sessions",
        "The first request of a session, as Claude Code sends it: two parallel reads are called.",
        request("session-first-turn", _FIRST, _AGENTS, **_MAIN),
        Answer((Text("Reading."), *_TWO)),
        headers=BETAS,
    ),
    Exchange(
        "session-full-size",
        "sessions",
        "The same in its real size: a system prompt of 15 kB, 24 tools, and cache marks on them.",
        request(
            "session-full-size",
            _FIRST,
            _AGENTS,
            **_MAIN
            | {
                "system": [text("You are an agent that works on code."), text(BROWN * 330, **CACHED)],
                "tools": [{**tool, "description": BROWN * 60} for tool in TOOLS]
                + [{**TOOLS[2], "name": f"Tool{n}", "description": BROWN * 30} for n in range(18)],
            },
        ),
        Answer((Text("Reading."), *_TWO)),
        headers=BETAS,
    ),
    Exchange(
        "session-second-turn",
        "sessions",
        "Two results in reverse order, after thinking and a system message.",
        request("session-second-turn", _FIRST, _AGENTS, assistant(_THINK, "Reading.", *_READS), _RESULTS, **_MAIN),
        Answer((Call("Edit", '{"file_path": "/w/a.txt", "old_string": "alpha", "new_string": "gamma"}'),)),
        targets=lambda target: target.claude,
        headers=BETAS,
    ),
    Exchange(
        "session-second-turn-elsewhere",
        "sessions",
        "The same where the model that answers seals its thinking in another way, or not at all.",
        request(
            "session-second-turn-elsewhere",
            _FIRST,
            _AGENTS,
            assistant({**_THINK, "signature": ""}, "Reading.", *_READS),
            _RESULTS,
            **_MAIN,
        ),
        Answer((Call("Edit", '{"file_path": "/w/a.txt", "old_string": "alpha", "new_string": "gamma"}'),)),
        targets=lambda target: not target.claude,
        headers=BETAS,
    ),
    Exchange(
        "session-sub-agent",
        "sessions",
        "A sub-agent's first request: no thinking, a temperature.",
        request(
            "session-sub-agent",
            user(_REMINDER, text("look around", **CACHED)),
            max_tokens=32_000,
            thinking={"type": "disabled"},
            temperature=1,
        ),
        headers={"anthropic-beta": BETAS["anthropic-beta"].replace(",effort-2025-11-24", "")},
        targets=lambda target: target.name != "anthropic",  # it always thinks; sub-agents run on haiku
    ),
    Exchange(
        "session-after-sub-agent",
        "sessions",
        "The result of a sub-agent: two texts, with a cache mark on the result.",
        request(
            "session-after-sub-agent",
            _FIRST,
            _AGENTS,
            assistant(call("toolu_04", "Agent", description="look", prompt="look around", model="haiku")),
            user(result("toolu_04", [text("done"), text("agentId: ab7c (use SendMessage to continue)")], **CACHED)),
            **_MAIN,
        ),
        headers=BETAS,
    ),
    Exchange(
        "session-title",
        "sessions",
        "A title for the session: no tools, an answer of a given form.",
        request(
            "session-title",
            user("Fix the tests"),
            tools=[],
            max_tokens=32_000,
            temperature=1,
            thinking={"type": "disabled"},
            output_config={
                "format": {
                    "type": "json_schema",
                    "schema": {
                        "type": "object",
                        "properties": {"title": {"type": "string"}},
                        "required": ["title"],
                        "additionalProperties": False,
                    },
                }
            },
        ),
        Answer((Text('{"title": "Fix the tests"}'),)),
        headers=BETAS,
        targets=lambda target: target.name not in ("anthropic", "bedrock", "vertex-claude"),  # they always think
    ),
    Exchange(
        "session-probe",
        "sessions",
        "The probe of a limit: one token, no tools, not streamed.",
        request("session-probe", user("quota"), max_tokens=1, tools=None, system=None, stream=None),
        Answer((Text("#"),), stop="max_tokens"),
        headers=BETAS,
    ),
    Exchange(
        "session-compaction",
        "sessions",
        "A summary is asked for, with tools in the history and none in the request.",
        request(
            "session-compaction",
            _FIRST,
            assistant("Reading.", _READS[0]),
            user(result("toolu_01", "1\talpha")),
            user("Write a summary of the conversation so far."),
            tools=None,
            max_tokens=20_000,
            system=[text("You summarise conversations.")],
        ),
        headers=BETAS,
        targets=lambda target: target.output >= 20_000,
    ),
    Exchange(
        "session-long",
        "sessions",
        "Forty turns with a tool call each.",
        request("session-long", *_long(40), **_MAIN),
        headers=BETAS,
        reached=lambda target, body: [] if "output of 39" in str(body) else ["the last result is missing"],
    ),
    Exchange(
        "session-other-model",
        "sessions",
        "A session that another model began: its thinking has no seal, its calls have ids of another form.",
        request(
            "session-other-model",
            user("Look."),
            assistant(
                {"type": "thinking", "thinking": "planted thought", "signature": ""},
                "I will.",
                call("functions.Bash:0", "Bash", command="ls"),
                call("call_4f+/=", "Bash", command="pwd"),
            ),
            user(result("functions.Bash:0", "a.txt"), result("call_4f+/=", "/w")),
            **_MAIN,
        ),
        headers=BETAS,
        reached=_has_ids,
    ),
    Exchange(
        "session-pasted",
        "sessions",
        "A long paste beside the reminder, in one message.",
        request("session-pasted", user(_REMINDER, BROWN * 400, "What is this?"), **_MAIN),
        headers=BETAS,
    ),
    Exchange(
        "session-whole-answer",
        "sessions",
        "Everything as in a session, and the answer not streamed, as an SDK asks for it.",
        request("session-whole-answer", _FIRST, _AGENTS, **_MAIN, stream=False),
        Answer((Text("Reading."), *_TWO)),
        headers=BETAS,
    ),
]
assert all(marker(exchange.name) in str(exchange.request) for exchange in EXCHANGES)
